"""NIfTI volumes and their label maps."""

from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np

from ldl.errors import DataError


@dataclass(frozen=True)
class Volume:
    """``values`` (X, Y, Z) in RAS+ axes: x grows to the patient's right, y to the front, z up.

    ``spacing`` is the voxel size in mm along the same axes.
    """

    values: np.ndarray
    spacing: tuple[float, float, float]


def read_volume(path: Path) -> Volume:
    """One 3-D image, reoriented to the closest canonical axes; values as stored (HU for CT).

    Raises:
        DataError: missing, empty, unreadable, truncated, not 3-D, or NaN.
    """
    if not path.is_file():
        raise DataError(f"{path}: missing; `ldl data verify` lists all faults")
    if path.stat().st_size == 0:
        raise DataError(f"{path}: empty (0 bytes); fetch it again")
    try:
        image = nibabel.as_closest_canonical(nibabel.load(path))
        values = np.asanyarray(image.dataobj)
        spacing = tuple(float(one) for one in image.header.get_zooms()[:3])
    except Exception as error:  # nibabel, gzip and zlib each raise their own
        reason = str(error).replace("\n", " ")[:120]
        raise DataError(
            f"{path}: unreadable or truncated NIfTI ({reason}); fetch it again"
        ) from error
    if values.ndim != 3 or len(spacing) != 3:
        raise DataError(f"{path}: {values.ndim} dimensions where a volume (3) is expected")
    if np.issubdtype(values.dtype, np.floating) and not np.isfinite(values).all():
        raise DataError(f"{path}: NaN or infinite values; fetch it again")
    return Volume(values, spacing)


def read_label_volume(path: Path, labels: dict[int, str]) -> Volume:
    """A label map (X, Y, Z) uint8 whose values are all in ``labels``.

    Raises:
        DataError: as `read_volume`; or values without a meaning.
    """
    volume = read_volume(path)
    values = np.unique(volume.values)
    unknown = [one for one in values.tolist() if one not in labels]
    if unknown:
        shown = ", ".join(f"{one:g}" for one in unknown[:6])
        raise DataError(f"{path}: label values {shown} where only {sorted(labels)} have a meaning")
    return Volume(volume.values.astype(np.uint8), volume.spacing)
