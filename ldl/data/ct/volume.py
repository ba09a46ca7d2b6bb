"""A CT volume in memory, the same way round whatever the file said."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from nibabel.orientations import apply_orientation, inv_ornt_aff

from ldl.data.readers.nifti import Nifti, read_nifti, to_ras
from ldl.errors import DataError
from ldl.tasks import AIR, Spacing

Array = np.ndarray
TISSUE = -100  # HU; above it lie muscle, organs and bone, below it fat, lung, foam and air
HALF_RANGE = 1 << 15  # int16 holds every real HU value
ROUNDED = 1e-3  # labels this near a whole number are it: a scaled float holds 0.99999994 for 1


@dataclass(frozen=True)
class CtVolume:
    """One CT scan and, where it is labelled, its organs.

    Slices go upwards, rows from front to back, columns from the patient's right to the left: shown
    as radiologists look at them.
    """

    id: str
    image: Array  # (Z, Y, X) int16 in HU, at least -1024
    label: Array | None  # (Z, Y, X) uint8, 0 background, k the k-th organ of the set
    spacing: Spacing  # voxel size (z, y, x) in mm
    affine: Array  # (4, 4) from voxel (x, y, z, 1), column, row and slice, to RAS+ mm
    cut: float = 0.0  # share of the labelled voxels of the file that are not in here, 0..1

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


def plain_affine(spacing: Spacing) -> Array:
    """Affine of a volume that comes from no scanner: displayed as `CtVolume`, origin at voxel 0."""
    return np.diag([-spacing[2], -spacing[1], spacing[0], 1.0])


def read_ct(
    id: str, image: Path, label: Path | None, codes: dict[int, int], *, axes: str | None = None
) -> CtVolume:
    """One volume, reoriented to RAS and laid out for display (see `CtVolume`), at its own spacing.

    ``image`` is NIfTI of Hounsfield units, ``label`` a map on the same voxels, ``codes`` its
    values' organs (0: background, and structures not asked for), ``axes`` where the stored axes
    point (such as "LPS") when the header is known to be wrong.
    """
    scan = read_nifti(image, axes)
    check_hounsfield(scan.values, image)
    organs = None
    if label is not None:
        if not label.is_file():
            raise DataError(f"{label}: label missing beside the image {image.name}")
        organs = upright(organs_of(read_beside(scan, label, axes), codes, label), scan.affine)
    whole = np.rint(scan.values) if scan.values.dtype.kind == "f" else scan.values
    # What lies below air is padding outside the scan.
    hounsfield = upright(np.maximum(whole, AIR).astype(np.int16, copy=False), scan.affine)
    flip = np.diag([-1.0, -1.0, 1.0, 1.0])
    flip[:2, 3] = hounsfield.shape[2] - 1, hounsfield.shape[1] - 1
    affine = scan.affine @ inv_ornt_aff(to_ras(scan.affine), scan.values.shape) @ flip
    x, y, z = (float(one) for one in np.linalg.norm(affine[:3, :3], axis=0))
    return CtVolume(id, hounsfield, organs, (z, y, x), affine)


def upright(values: Array, affine: Array) -> Array:
    """Stored voxels as (Z, Y, X): slices up, rows to the back, columns to the left."""
    turned = apply_orientation(values, to_ras(affine))
    return np.ascontiguousarray(turned.transpose(2, 1, 0)[:, ::-1, ::-1])


def check_hounsfield(values: Array, path: Path) -> None:
    """Insist on Hounsfield units."""
    low, high = values.min(), values.max()  # NaN if any voxel is
    if not (np.isfinite(low) and np.isfinite(high)):
        raise DataError(f"{path}: NaN or infinite values; convert it again")
    if low < -HALF_RANGE or high >= HALF_RANGE:
        raise DataError(
            f"{path}: values {low:g}..{high:g} overflow 16 bits and cannot be Hounsfield units; "
            "check the data type, scl_slope and scl_inter"
        )
    if low == high:
        raise DataError(f"{path}: empty, every voxel is {low:g}; is it the right file?")
    if low >= 0:
        raise DataError(
            f"{path}: no value below 0 in {low:g}..{high:g}, not Hounsfield units; is the "
            f"intercept missing in scl_inter?"
        )


def read_beside(scan: Nifti, path: Path, axes: str | None = None) -> Array:
    """The values of a label map, which must lie on its image's voxels."""
    marked, shape = read_nifti(path, axes), scan.values.shape
    if shape != marked.values.shape:
        raise DataError(
            f"{path}: label map of {marked.values.shape} voxels beside an image of {shape}; "
            "is it another volume's?"
        )
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in shape])).reshape(3, -1)
    apart = (scan.affine - marked.affine) @ np.vstack([corners, np.ones(corners.shape[1])])
    # A sum that is not finite is no agreement either.
    if not np.abs(apart).max() <= 0.1 * np.linalg.norm(scan.affine[:3, :3], axis=0).min():
        raise DataError(
            f"{path}: the affine differs from the image's by {np.abs(apart).max():.3g} mm; "
            "save the label map with the image's header"
        )
    return marked.values


def organs_of(values: Array, codes: dict[int, int], path: Path) -> Array:
    """A label map as organ numbers uint8; ``codes`` are as of `read_ct`."""
    table = np.full(256, 255, np.uint8)
    table[list(codes)] = list(codes.values())
    whole = np.rint(values) if values.dtype.kind == "f" else values
    near = whole is values or bool((np.abs(values - whole) <= ROUNDED).all())
    if near and whole.min() >= 0 and whole.max() <= 255:
        found = table[whole.astype(np.uint8, copy=False)]
        if not (found == 255).any():
            if found.all() or not found.any():
                lacks = "background" if found.any() else "organ"
                raise DataError(f"{path}: no {lacks} in the label map; is it the right file?")
            return found
    unknown = [one for one in np.unique(whole if near else values).tolist() if one not in codes]
    shown = ", ".join(f"{one:.9g}" for one in unknown[:6])
    raise DataError(f"{path}: label values {shown} where only {sorted(codes)} have a meaning")
