"""What a CT set holds, from headers and labels alone, and which of its volumes cannot be used."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from tqdm import tqdm

from ldl.data.ct import sets
from ldl.data.ct.source import CtFiles, set_files
from ldl.data.ct.splits import BUDGETS, part_sizes
from ldl.data.ct.volume import CtVolume
from ldl.data.folder import DatasetFolder
from ldl.data.manifest import Manifest, manifest_named, manifests
from ldl.data.schema import Collection
from ldl.errors import DataError

Array = np.ndarray


@dataclass(frozen=True)
class Survey:
    """A CT set at hand.

    Attributes:
        name: of its manifest.
        layout: which of the manifest's it has.
        volumes: usable ones.
        left_out: ids that the set does not offer, and why.
        organs: names; empty where it is not labelled.
        spacing: median (z, y, x) in mm of the NIfTI headers; None for other formats.
        parts: volumes for training, validation, test; None where fewer than three are there.
        lacking: organ -> ids of volumes whose label file has none of it; None: not looked at.
        note: what the manifest says of the layout.
    """

    name: str
    layout: str
    volumes: int
    left_out: dict[str, str]
    organs: tuple[str, ...]
    spacing: tuple[float, float, float] | None
    parts: tuple[int, int, int] | None
    lacking: dict[str, tuple[str, ...]] | None
    note: str
    budgets: dict[int, int] = field(default_factory=dict)


def survey(name: str, *, labels: bool = True) -> Survey | None:
    """The set of that name; None where it is not at hand.

    Args:
        name: manifest of a CT set.
        labels: read every label file, to tell which organs are in which volume.
    """
    manifest = manifest_named(name)
    try:
        folder = DatasetFolder(manifest)
        found = _chest() if name == sets.CHEST else set_files(name)
    except DataError:
        return None
    collection = next(one for one in manifest.collections if one.purpose == "volumes")
    count = len(found.ids)
    parts = part_sizes(count) if count > 2 else None
    return Survey(
        name,
        folder.layout.name,
        count,
        found.left_out,
        found.organs,
        _spacing(folder, collection, found.ids),
        parts,
        _lacking(folder, collection, found) if labels else None,
        folder.layout.note,
        {asked: min(asked, parts[0]) for asked in BUDGETS} if parts and found.organs else {},
    )


def ct_manifests() -> list[Manifest]:
    """Manifests of CT sets: those that LRC uses first, then what stands in for them."""
    found = [one for one in manifests().values() if one.modality == "ct"]
    named = {other for one in found for other in one.stands_in_for}
    return sorted(found, key=lambda one: (one.name not in named, one.name))


def _chest() -> CtFiles:
    organs = tuple(sets.CHEST_ORGANS)
    return CtFiles(sets.CHEST, ("cxr",), organs, {}, (), lambda _: sets.read_chest())


def _files(
    folder: DatasetFolder, collection: Collection, role: str, ids: tuple[str, ...]
) -> dict[str, Path]:
    """Id -> NIfTI file of that role, of those that have one."""
    members = {one.id: one for one in folder.members(collection)}
    found = {}
    for id in ids:
        paths = folder.paths(role, members[id])
        if paths and paths[0].endswith((".nii", ".nii.gz")):
            found[id] = folder.root / paths[0]
    return found


def _spacing(
    folder: DatasetFolder, collection: Collection, ids: tuple[str, ...]
) -> tuple[float, float, float] | None:
    zooms = []
    for path in _files(folder, collection, "images", ids).values():
        try:
            file: Any = nibabel.load(path)
            sizes = np.asarray(file.header.get_zooms()[:3], float)
        except Exception:  # nibabel raises many kinds; `ldl data verify` names the file
            continue
        zooms.append(sizes[_stored(folder, file)])
    if not zooms:
        return None
    x, y, z = (float(one) for one in np.median(np.stack(zooms), axis=0))
    return z, y, x


def _stored(folder: DatasetFolder, file: Any) -> Array:
    """Which stored axis is x, y, z: by the manifest where headers are known to be wrong."""
    codes = folder.layout.axes or "".join(map(str, nibabel.aff2axcodes(file.affine)))
    pairs = ("LR", "AP", "IS")
    return np.array([next(k for k, c in enumerate(codes) if c in pair) for pair in pairs])


def _lacking(
    folder: DatasetFolder, collection: Collection, found: CtFiles
) -> dict[str, tuple[str, ...]] | None:
    """Organ -> volumes without it, where labels are NIfTI whose values are the manifest's."""
    values = {word: value for value, word in folder.labels.items() if word in found.organs}
    files = _files(folder, collection, "labels", found.ids) if values else {}
    if not files:
        return None
    without: dict[str, list[str]] = {organ: [] for organ in values}
    for id, path in files.items():
        try:
            file: Any = nibabel.load(path)
            there = np.unique(np.asanyarray(file.dataobj))
        except Exception:  # as above
            continue
        for organ, value in values.items():
            if value not in there:
                without[organ].append(id)
    return {organ: tuple(ids) for organ, ids in without.items() if ids}


def volume_faults(name: str, *, root: Path | None = None, progress: bool = False) -> dict[str, str]:
    """Volumes that cannot be used, id -> one line; see `ldl.data.ct.checks` for what is looked at.

    Volumes that the set itself leaves out (a structure was not drawn) are no faults.

    Args:
        name: manifest of a CT set.
        root: its folder; None: where it is looked for.
        progress: show a bar.

    Raises:
        DataError: not at hand, or no volume in it.
    """
    if name == sets.CHEST:
        return _faults(name, (name,), lambda _: sets.read_chest(), progress)
    found = set_files(name, root)
    return _faults(name, found.ids, found.read, progress)


def _faults(
    name: str, ids: tuple[str, ...], read: Callable[[str], CtVolume], progress: bool
) -> dict[str, str]:
    faults = {}
    for id in tqdm(ids, desc=f"{name}, volumes", unit="volume", disable=not progress):
        try:
            read(id)
        except DataError as error:
            faults[id] = str(error)
    return faults
