"""What a CT set holds, from headers and labels alone, and which of its volumes cannot be used."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from tqdm import tqdm

from ldl.data.ct.bank import BUDGETS, part_sizes
from ldl.data.ct.source import CtSource, set_files
from ldl.data.folder import DatasetFolder
from ldl.data.manifest import Manifest, manifest_named, manifests
from ldl.errors import DataError
from ldl.tasks import Spacing


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
        budgets: labelled volumes asked for -> there for training.
    """

    name: str
    layout: str
    volumes: int
    left_out: dict[str, str]
    organs: tuple[str, ...]
    spacing: Spacing | None
    parts: tuple[int, int, int] | None
    lacking: dict[str, tuple[str, ...]] | None
    note: str
    budgets: dict[int, int] = field(default_factory=dict)


def survey(name: str, *, labels: bool = True) -> Survey | None:
    """The set of that manifest's name; None where it is not at hand.

    With ``labels`` every label file is read, to tell which organs are in which volume.
    """
    try:
        folder, found = DatasetFolder(manifest_named(name)), set_files(name)
    except DataError:
        return None
    count = len(found.ids)
    parts = part_sizes(count) if count > 2 else None
    return Survey(
        name,
        folder.layout.name,
        count,
        found.left_out,
        found.organs,
        _spacing(folder, found),
        parts,
        _lacking(folder, found) if labels else None,
        folder.layout.note,
        {asked: min(asked, parts[0]) for asked in BUDGETS} if parts and found.organs else {},
    )


def ct_manifests() -> list[Manifest]:
    """Manifests of CT sets: those that LRC uses first, then what stands in for them."""
    found = [one for one in manifests().values() if one.modality == "ct"]
    named = {other for one in found for other in one.stands_in_for}
    return sorted(found, key=lambda one: (one.name not in named, one.name))


def _files(folder: DatasetFolder, found: CtSource, role: str) -> dict[str, Path]:
    """Id -> NIfTI file of that role, of those that have one."""
    collection = next(one for one in folder.manifest.collections if one.purpose == "volumes")
    members = {one.id: one for one in folder.members(collection)}
    files = {id: folder.paths(role, members[id])[:1] for id in found.ids}
    return {
        id: folder.root / one
        for id, paths in files.items()
        for one in paths
        if one.endswith((".nii", ".nii.gz"))
    }


def _spacing(folder: DatasetFolder, found: CtSource) -> Spacing | None:
    zooms = []
    for path in _files(folder, found, "images").values():
        try:
            file: Any = nibabel.load(path)
            sizes = np.asarray(file.header.get_zooms()[:3], float)
        except Exception:  # nibabel raises many kinds; `ldl data verify` names the file
            continue
        # By the manifest where headers are known to be wrong.
        codes = folder.layout.axes or "".join(map(str, nibabel.aff2axcodes(file.affine)))
        pairs = ("LR", "AP", "IS")
        zooms.append(sizes[[next(k for k, c in enumerate(codes) if c in pair) for pair in pairs]])
    if not zooms:
        return None
    x, y, z = (float(one) for one in np.median(np.stack(zooms), axis=0))
    return z, y, x


def _lacking(folder: DatasetFolder, found: CtSource) -> dict[str, tuple[str, ...]] | None:
    """Organ -> volumes without it, where labels are NIfTI whose values are the manifest's."""
    values = {word: value for value, word in folder.labels.items() if word in found.organs}
    files = _files(folder, found, "labels") if values else {}
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
    """Volumes of a CT set that no bank would take, id -> one line.

    Volumes that the set itself leaves out (a structure was not drawn) are no faults.
    """
    found, faults = set_files(name, root), {}
    for id in tqdm(found.ids, desc=f"{name}, volumes", unit="volume", disable=not progress):
        try:
            found.read(id)
        except DataError as error:
            faults[id] = str(error)
    return faults
