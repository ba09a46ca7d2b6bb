"""What makes a CT file unusable; each fault is one line that names the file."""

from pathlib import Path

import numpy as np

from ldl.errors import DataError

Array = np.ndarray
TILT = 5.0  # degrees between a voxel axis and the patient's, above which slices are not axial
SPACINGS = (0.1, 20.0)  # mm
HALF_RANGE = 1 << 15  # int16 holds every real HU value


def check_dimensions(shape: tuple[int, ...], path: Path) -> None:
    """Insist on a volume.

    Raises:
        DataError: not 3-D, or without voxels.
    """
    if len(shape) != 3:
        raise DataError(
            f"{path}: {len(shape)} dimensions where a volume (3) is expected; save one phase alone"
        )
    if 0 in shape:
        raise DataError(f"{path}: a volume of {shape} holds no voxels")


def check_affine(affine: Array, path: Path) -> None:
    """Insist on axial slices with a size in mm.

    Raises:
        DataError: not finite, singular, oblique, or a voxel size that no CT has.
    """
    linear = np.asarray(affine, float)[:3, :3]
    if not np.isfinite(affine).all():
        raise DataError(f"{path}: NaN or infinite numbers in the affine; write the header anew")
    sizes = np.linalg.norm(linear, axis=0)
    if sizes.min() == 0 or abs(np.linalg.det(linear / np.maximum(sizes, 1e-12))) < 1e-3:
        raise DataError(f"{path}: singular affine, voxels have no volume; write the header anew")
    if sizes.min() < SPACINGS[0] or sizes.max() > SPACINGS[1]:
        shown = " x ".join(f"{one:g}" for one in sizes)
        raise DataError(f"{path}: voxels of {shown} mm are not those of a CT; is the unit mm?")
    cosines = np.abs(linear / sizes).max(axis=0).clip(max=1.0)
    tilt = float(np.degrees(np.arccos(cosines.min())))
    if tilt > TILT:
        raise DataError(
            f"{path}: slices are tilted by {tilt:.0f} degrees, not axial; resample it to the "
            "patient's axes"
        )


def check_hounsfield(values: Array, path: Path) -> None:
    """Insist on Hounsfield units.

    Raises:
        DataError: not numbers, NaN, beyond 16 bits, constant, or nothing below zero.
    """
    if values.dtype.kind not in "iuf":
        raise DataError(f"{path}: voxels of type {values.dtype} where numbers are expected")
    low, high = values.min(), values.max()  # NaN if any voxel is
    if not (np.isfinite(low) and np.isfinite(high)):
        raise DataError(f"{path}: NaN or infinite values; fetch it again")
    if low < -HALF_RANGE or high >= HALF_RANGE:
        raise DataError(
            f"{path}: values {low:g}..{high:g} overflow 16 bits and cannot be Hounsfield units; "
            "check the data type, scl_slope and scl_inter"
        )
    if low == high:
        raise DataError(f"{path}: empty, every voxel is {low:g}; fetch it again")
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
    whole = values.dtype.kind in "iu" or bool((values == np.rint(values)).all())
    if whole and values.min() >= 0 and values.max() <= 255:
        found = table[values.astype(np.uint8, copy=False)]
        if not (found == 255).any():
            if not found.any():
                raise DataError(f"{path}: no organ in the label map; is it the right file?")
            return found
    unknown = [one for one in np.unique(values).tolist() if one not in codes]
    shown = ", ".join(f"{one:g}" for one in unknown[:6])
    raise DataError(f"{path}: label values {shown} where only {sorted(codes)} have a meaning")
