"""A CT scan and its label map from NIfTI files; each fault is one line that names the file."""

from pathlib import Path

import numpy as np
from nibabel.orientations import apply_orientation, inv_ornt_aff

from ldl.data.ct.volume import CtVolume, as_hounsfield, display, display_affine
from ldl.data.readers.nifti import read_nifti, to_ras
from ldl.errors import DataError

Array = np.ndarray
HALF_RANGE = 1 << 15  # int16 holds every real HU value
ROUNDED = 1e-3  # labels this near a whole number are it: a scaled float holds 0.99999994 for 1


def read_ct(
    id: str,
    image: Path,
    label: Path | None,
    codes: dict[int, int],
    *,
    axes: str | None = None,
) -> CtVolume:
    """One volume, reoriented to RAS and laid out for display (see `CtVolume`), at its own spacing.

    Args:
        id: what to call it.
        image: NIfTI of Hounsfield units, (X, Y, Z).
        label: NIfTI label map on the same voxels; None: not labelled.
        codes: value in the label file -> organ number; 0 is background.
        axes: where the stored axes point (such as "LPS") when the header is known to be wrong.

    Raises:
        DataError: one line for the first fault, see this file and `ldl.data.readers.nifti`.
    """
    scan = read_nifti(image, axes)
    check_hounsfield(scan.values, image)
    organs = None
    if label is not None:
        if not label.is_file():
            raise DataError(f"{label}: label missing beside the image {image.name}")
        marked = read_nifti(label, axes)
        check_pair(scan.values.shape, scan.affine, marked.values.shape, marked.affine, label)
        organs = _upright(organs_of(marked.values, codes, label), scan.affine)
        del marked
    hounsfield = _upright(as_hounsfield(scan.values), scan.affine)
    affine = display_affine(
        scan.affine @ inv_ornt_aff(to_ras(scan.affine), scan.values.shape), hounsfield.shape[::-1]
    )
    x, y, z = (float(one) for one in np.linalg.norm(affine[:3, :3], axis=0))
    return CtVolume(id, hounsfield, organs, (z, y, x), affine)


def check_hounsfield(values: Array, path: Path) -> None:
    """Insist on Hounsfield units.

    Raises:
        DataError: NaN, beyond 16 bits, constant, or nothing below zero.
    """
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
            "intercept (-1024) missing in scl_inter?"
        )


def check_pair(
    shape: tuple[int, ...], affine: Array, label_shape: tuple[int, ...], label_affine: Array,
    path: Path,
) -> None:  # fmt: skip
    """Insist that a label map lies on its image's voxels.

    Raises:
        DataError: another shape, or corners more than a tenth of a voxel away.
    """
    if shape != label_shape:
        raise DataError(
            f"{path}: label map of {label_shape} voxels beside an image of {shape}; "
            "is it another volume's?"
        )
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in shape])).reshape(3, -1)
    apart = (affine - label_affine) @ np.vstack([corners, np.ones(corners.shape[1])])
    # A sum that is not finite is no agreement either.
    if not np.abs(apart).max() <= 0.1 * np.linalg.norm(affine[:3, :3], axis=0).min():
        raise DataError(
            f"{path}: the affine differs from the image's by {np.abs(apart).max():.3g} mm; "
            "save the label map with the image's header"
        )


def organs_of(values: Array, codes: dict[int, int], path: Path) -> Array:
    """A label map as organ numbers uint8.

    Args:
        codes: value in the file -> organ, 0 for background and for structures not asked for.

    Raises:
        DataError: a value without a meaning, or no organ at all.
    """
    table = np.full(256, 255, np.uint8)
    for value, organ in codes.items():
        table[value] = organ
    whole = np.rint(values) if values.dtype.kind == "f" else values
    near = whole is values or bool((np.abs(values - whole) <= ROUNDED).all())
    if near and whole.min() >= 0 and whole.max() <= 255:
        found = table[whole.astype(np.uint8, copy=False)]
        if not (found == 255).any():
            if not found.any():
                raise DataError(f"{path}: no organ in the label map; is it the right file?")
            if found.all():
                raise DataError(f"{path}: no background in the label map; is it the right file?")
            return found
    unknown = [one for one in np.unique(whole if near else values).tolist() if one not in codes]
    shown = ", ".join(f"{one:.9g}" for one in unknown[:6])
    raise DataError(f"{path}: label values {shown} where only {sorted(codes)} have a meaning")


def _upright(values: Array, affine: Array) -> Array:
    """Stored voxels as (Z, Y, X) for display."""
    return np.ascontiguousarray(display(apply_orientation(values, to_ras(affine))))
