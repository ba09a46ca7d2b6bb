"""OpenKBP as published: one folder a patient, sparse csv files of 128 x 128 x 128 voxels.

``ct.csv`` lists voxel numbers and values, which are HU + 1024 (air is left out); a structure's file
lists its voxel numbers; ``voxel_dimensions.csv`` holds the sizes (x, y, z) in mm. Numbers count in
C order over rows from front to back, columns from the patient's right to the left, and slices
downwards: compared voxel by voxel with the reduced NIfTI copies.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from ldl.data.ct.nifti import check_hounsfield
from ldl.data.ct.volume import CtVolume, plain_affine
from ldl.data.folder import DatasetFolder
from ldl.data.splits import Member
from ldl.errors import DataError

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
