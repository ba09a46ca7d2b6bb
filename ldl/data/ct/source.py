"""Where CT volumes come from: a set on disk, or phantoms; both alike.

OpenKBP is one folder a patient, sparse csv files of 128 x 128 x 128 voxels. ``ct.csv`` lists voxel
numbers and values, which are HU + 1024 (air is left out); a structure's file lists its voxel
numbers; ``voxel_dimensions.csv`` holds the sizes (x, y, z) in mm. Numbers count in C order over
rows from front to back, columns from the patient's right to the left, and slices downwards:
compared voxel by voxel with the reduced NIfTI copies. It blanks the CT outside the treated part of
the body except inside the drawn structures and targets. Such slices give the organs away and look
like no patient. A whole slice shows at least 30 cm2 of tissue, and its tissue differs from the next
slice's by less than 30 %: bodies change slowly, blanking is a jump. The longest run of whole slices
is kept.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from ldl.data import phantoms
from ldl.data.ct.volume import TISSUE, CtVolume, check_hounsfield, plain_affine, read_ct
from ldl.data.folder import DatasetFolder, natural
from ldl.data.manifest import Member, manifest_named
from ldl.errors import ConfigError, DataError
from ldl.runs.base import PHANTOMS
from ldl.runs.lrc import CtConfig
from ldl.tasks import FACTS, SETS

Array = np.ndarray
PHANTOM_VOLUMES = 18  # as many as there are of btcv
SHAPE = (128, 128, 128)  # of OpenKBP
ZERO = 1024  # its value of water
LEAST = 3000.0  # mm2 of tissue in a slice of the whole body; a neck has 60 cm2 and more
JUMP = 0.7  # smaller to larger area of two neighbours, below which one of them was blanked


@dataclass(frozen=True)
class CtSource:
    """Volumes of one region, in a fixed order."""

    name: str
    ids: tuple[str, ...]  # of the usable ones
    organs: tuple[str, ...]  # names of the labels 1, 2, ...; empty: not labelled
    stamp: tuple[object, ...]  # json-able; changes with all that the volumes depend on
    read: Callable[[str], CtVolume]  # one volume by its id
    note: str = ""  # what it stands in for, to be said beside every number from it
    left_out: dict[str, str] = field(default_factory=dict)  # what the set does not offer, and why
    as_is: bool = False  # of the wanted size: not resampled unless a spacing is given


def ct_source(config: CtConfig) -> CtSource:
    """The first ``config.volumes`` volumes of its source."""
    if config.source == "phantom":
        return _drawn(config, config.volumes or PHANTOM_VOLUMES)
    name = config.set_name()
    if SETS[name] != config.region:
        raise ConfigError(f"CT source {name!r} shows {SETS[name]}, not {config.region}")
    found = set_files(name)
    ids = found.ids[: config.volumes]
    return replace(found, ids=ids, stamp=(*found.stamp, ids))


def set_files(name: str, root: Path | None = None) -> CtSource:
    """The data set of that name below the data folder.

    Labels are used where the collection lists them among its files, mapped by name where a layout
    has other values than the manifest; structures that the manifest does not name are background.
    """
    manifest = manifest_named(name)
    folder = DatasetFolder(manifest, root)
    collection = next(one for one in manifest.collections if one.purpose == "volumes")
    organs = tuple(word for value, word in sorted(manifest.labels.items()) if value)
    organs = organs if "labels" in collection.also else ()
    members = {one.id: one for one in folder.members(collection)}
    sparse = folder.layout.files["images"][0].endswith(".csv")
    left_out = _undrawn(folder, members, organs) if sparse else {}
    ids = sorted(set(members) - set(left_out), key=natural)
    if not ids:
        raise DataError(f"{folder.root}: no usable volume of {name}; `ldl data verify {name}`")

    number = {word: k for k, word in enumerate(organs, start=1)}
    codes = {0: 0} | {value: number.get(word, 0) for value, word in folder.labels.items()}

    def read(id: str) -> CtVolume:
        image, label = folder.path("images", members[id]), None
        if organs and not sparse:
            found = folder.paths("labels", members[id])
            label = folder.root / (found or folder.candidates("labels", members[id]))[0]
        volume = (
            read_patient(id, image.parent, organs)
            if sparse
            else read_ct(id, image, label, codes, axes=folder.layout.axes)
        )
        return whole_slices(volume) if folder.layout.whole_slices else volume

    stamp = (
        folder.layout.model_dump(mode="json", exclude_defaults=True),
        collection.model_dump(mode="json", exclude_defaults=True),
        sorted(folder.labels.items()),
        ids,
        folder.index.state(),
    )
    columns = {one.paper_set: one.column for one in FACTS.values()}
    others = [columns.get(one, manifest_named(one).title) for one in manifest.stands_in_for]
    note = f"{name} stands in for {' and '.join(others)}" if others else ""
    return CtSource(name, tuple(ids), organs, stamp, read, note, left_out)


def _drawn(config: CtConfig, count: int) -> CtSource:
    drawn, given = phantoms(), (config.region, config.size, config.slices)
    numbers = {f"{config.region}_{number:04d}": number for number in range(count)}

    def read(id: str) -> CtVolume:
        (one,) = drawn.volumes(
            given[0], count=1, first=numbers[id], size=given[1], slices=given[2], seed=config.seed
        )
        return CtVolume(one.id, one.image, one.label, one.spacing, plain_affine(one.spacing))

    stamp, note = (PHANTOMS, *given, count, config.seed), "phantoms, no evidence about the paper"
    organs = tuple(drawn.ORGANS[config.region])
    return CtSource("phantom", tuple(numbers), organs, stamp, read, note, as_is=True)


def _undrawn(
    folder: DatasetFolder, members: dict[str, Member], organs: tuple[str, ...]
) -> dict[str, str]:
    """Patients of whom a structure was not drawn, which is no label: id -> what is missing."""
    left_out = {}
    for id, member in members.items():
        for image in folder.paths("images", member):
            there = {one: image.replace("ct.csv", file_of(one)) for one in organs}
            if missing := [one for one, path in there.items() if path not in folder.index.sizes]:
                left_out[id] = f"not drawn: {', '.join(missing)}"
    return left_out


def file_of(organ: str) -> str:
    """The file of a structure: "left parotid" lies in LeftParotid.csv."""
    return organ.title().replace(" ", "") + ".csv"


def read_patient(id: str, folder: Path, organs: tuple[str, ...]) -> CtVolume:
    """One patient of OpenKBP; earlier organs lie under later ones where they overlap."""
    values = np.zeros(SHAPE, np.float32)
    at, scan = _voxels(folder / "ct.csv")
    values.reshape(-1)[at] = scan.to_numpy(np.float32)
    hounsfield = _upright(values) - ZERO
    check_hounsfield(hounsfield, folder / "ct.csv")
    label = np.zeros(SHAPE, np.uint8)
    for number, organ in enumerate(organs, start=1):
        label.reshape(-1)[_voxels(folder / file_of(organ))[0]] = number
    path = folder / "voxel_dimensions.csv"
    try:
        x, y, z = (float(one) for one in path.read_text().split())
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not three voxel sizes in mm; fetch it again") from error
    image, affine = hounsfield.astype(np.int16), plain_affine((z, y, x))
    return CtVolume(id, image, _upright(label), (z, y, x), affine)


def _upright(stored: Array) -> Array:
    return np.ascontiguousarray(stored.transpose(2, 0, 1)[::-1])


def _voxels(path: Path) -> tuple[Array, "pd.Series[float]"]:
    """The voxel numbers of a file, and what it says of each."""
    try:
        table = pd.read_csv(path, index_col=0)
    except FileNotFoundError as error:
        raise DataError(f"{path}: missing; `ldl data verify openkbp` lists all faults") from error
    except (OSError, ValueError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not a readable csv; fetch it again") from error
    if list(table.columns) != ["data"] or table.empty:
        raise DataError(f"{path}: not a list of voxels with a column data; fetch it again")
    numbers = table.index.to_numpy()
    if numbers.dtype.kind != "i" or numbers.min() < 0 or numbers.max() >= np.prod(SHAPE):
        raise DataError(f"{path}: voxel numbers outside a volume of {SHAPE}; fetch it again")
    return numbers, table["data"]


def whole_slices(volume: CtVolume) -> CtVolume:
    """The volume without the slices in which the CT was blanked; `cut` says what was lost."""
    area = (volume.image > TISSUE).sum(axis=(1, 2)) * volume.spacing[1] * volume.spacing[2]
    start, stop = longest_run(area)
    if start == stop:
        raise DataError(f"{volume.id}: no slice shows {LEAST / 100:g} cm2 of tissue")
    kept = slice(start, stop)
    affine = volume.affine.copy()
    affine[:3, 3] += start * affine[:3, 2]
    image, label, cut = volume.image[kept], volume.label, volume.cut
    if label is not None:
        marked = (label > 0).sum(axis=(1, 2))
        cut = 1.0 - float(marked[kept].sum()) / max(int(marked.sum()), 1)
        label = label[kept]
    return replace(volume, image=image, label=label, affine=affine, cut=cut)


def longest_run(area: Array) -> tuple[int, int]:
    """First and one past the last of the longest run of whole slices, given their areas (mm2)."""
    best, start = (0, 0), 0
    for z, here in enumerate(area):
        before = area[z - 1] if z else here
        if here < LEAST or min(here, before) < JUMP * max(here, before):
            start = z if here >= LEAST else z + 1
        if z + 1 - start > best[1] - best[0]:
            best = (start, z + 1)
    return best
