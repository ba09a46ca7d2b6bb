"""A CT volume in memory, the same way round whatever the file said, and back as NIfTI."""

from dataclasses import dataclass

import nibabel
import numpy as np

from ldl.data.ct.bank import CtEntry
from ldl.tasks import AIR, Spacing

Array = np.ndarray
TISSUE = -100  # HU; above it lie muscle, organs and bone, below it fat, lung, foam and air


@dataclass(frozen=True)
class CtVolume:
    """One CT scan and, where it is labelled, its organs.

    Attributes:
        id: the volume's name in its data set.
        image: (Z, Y, X) int16 in HU, at least -1024. Slices go upwards, rows from front to back,
            columns from the patient's right to the left: shown as radiologists look at them.
        label: (Z, Y, X) uint8, 0 background, k the k-th organ of the set; None: not labelled.
        spacing: voxel size (z, y, x) in mm.
        affine: (4, 4) from voxel (x, y, z, 1), column, row and slice, to RAS+ mm.
        cut: share of the labelled voxels of the file that are not in here, 0..1.
    """

    id: str
    image: Array
    label: Array | None
    spacing: Spacing
    affine: Array
    cut: float = 0.0

    def centre(self) -> tuple[float, float, float]:
        """Where the patient is: mean voxel index (z, y, x) of tissue, from the image alone."""
        tissue = self.image > TISSUE
        total = int(tissue.sum())
        if not total:
            depth, rows, columns = self.image.shape
            return (depth - 1) / 2, (rows - 1) / 2, (columns - 1) / 2
        sums = (tissue.sum(axis=(1, 2)), tissue.sum(axis=(0, 2)), tissue.sum(axis=(0, 1)))
        z, y, x = (float(one @ np.arange(len(one))) / total for one in sums)
        return z, y, x


def display(values: Array) -> Array:
    """RAS+ voxels (X, Y, Z) as (Z, Y, X): slices up, rows to the back, columns to the left."""
    return values.transpose(2, 1, 0)[:, ::-1, ::-1]


def display_affine(affine: Array, shape: tuple[int, ...]) -> Array:
    """The affine after `display`, for voxels (x, y, z) of an array that was ``shape`` (X, Y, Z)."""
    flip = np.diag([-1.0, -1.0, 1.0, 1.0])
    flip[:2, 3] = shape[0] - 1, shape[1] - 1
    return affine @ flip


def plain_affine(spacing: Spacing) -> Array:
    """Affine of a volume that comes from no scanner: displayed as `CtVolume`, origin at voxel 0."""
    return np.diag([-spacing[2], -spacing[1], spacing[0], 1.0])


def as_hounsfield(values: Array) -> Array:
    """Finite HU as int16; what lies below air (padding outside the scan) becomes air."""
    if values.dtype.kind == "f":
        values = np.rint(values)
    return np.maximum(values, AIR).astype(np.int16, copy=False)


def as_nifti(entry: CtEntry, labels: Array) -> nibabel.Nifti1Image:
    """A label map of one volume as NIfTI.

    Args:
        entry: the volume; its affine says where it lies.
        labels: (Z, Y, X) uint8, as `CtBank.stacked` yields them.
    """
    affine = np.asarray(entry.affine)
    return nibabel.Nifti1Image(np.ascontiguousarray(labels.transpose(2, 1, 0)), affine)
