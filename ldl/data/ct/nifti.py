"""A CT scan and its label map from NIfTI files."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from nibabel.orientations import apply_orientation, axcodes2ornt, inv_ornt_aff, io_orientation

from ldl.data.ct import checks
from ldl.data.ct.volume import CtVolume, as_hounsfield, display, display_affine
from ldl.errors import DataError

Array = np.ndarray


@dataclass(frozen=True)
class _File:
    """Voxels as stored (scaled) and their affine."""

    values: Array
    affine: Array


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
        DataError: one line for the first fault, see `ldl.data.ct.checks`.
    """
    scan = _read(image, axes)
    checks.check_hounsfield(scan.values, image)
    organs = None
    if label is not None:
        if not label.is_file():
            raise DataError(f"{label}: label missing beside the image {image.name}")
        marked = _read(label, axes)
        checks.check_pair(scan.values.shape, scan.affine, marked.values.shape, marked.affine, label)
        organs = _upright(checks.organs_of(marked.values, codes, label), scan.affine)
        del marked
    hounsfield = _upright(as_hounsfield(scan.values), scan.affine)
    affine = display_affine(_ras_affine(scan), hounsfield.shape[::-1])
    x, y, z = (float(one) for one in np.linalg.norm(affine[:3, :3], axis=0))
    return CtVolume(id, hounsfield, organs, (z, y, x), affine)


def _read(path: Path, axes: str | None) -> _File:
    """One file, its header checked before its voxels are read."""
    if not path.is_file():
        raise DataError(f"{path}: missing; `ldl data verify` lists all faults")
    if path.stat().st_size == 0:
        raise DataError(f"{path}: empty (0 bytes); fetch it again")
    file = _open(path)
    checks.check_dimensions(file.shape, path)
    affine = _affine(file, path, axes)
    checks.check_affine(affine, path)
    return _File(_voxels(file, path), affine)


def _open(path: Path) -> Any:
    try:
        file = nibabel.load(path)
    except Exception as error:  # nibabel, gzip and zlib each raise their own
        raise _unreadable(path, error) from error
    if not isinstance(file, nibabel.Nifti1Pair):
        raise DataError(f"{path}: {type(file).__name__} where NIfTI is expected")
    return file


def _voxels(file: Any, path: Path) -> Array:
    """As stored where there is no scaling, else float32: doubles would fill the memory."""
    stored = file.dataobj
    try:
        if (stored.slope, stored.inter) == (1.0, 0.0):
            return np.asanyarray(stored.get_unscaled())
        with np.errstate(over="ignore"):  # an infinite value is told where it is found
            return np.asanyarray(stored, dtype=np.float32)
    except Exception as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> DataError:
    reason = str(error).replace("\n", " ")[:120]
    return DataError(f"{path}: unreadable or truncated NIfTI ({reason}); fetch it again")


def _affine(file: Any, path: Path, axes: str | None) -> Array:
    """The header's affine, or one that points along ``axes``."""
    if axes is not None:
        turn = axcodes2ornt(axes)
        sizes = np.ones(4)
        sizes[turn[:, 0].astype(int)] = file.header.get_zooms()
        return np.asarray(np.diag(sizes) @ np.linalg.inv(inv_ornt_aff(turn, file.shape)))
    if not (int(file.header["sform_code"]) or int(file.header["qform_code"])):
        raise DataError(f"{path}: the header does not say which way is up (qform and sform are 0)")
    return np.asarray(file.affine, float)


def _upright(values: Array, affine: Array) -> Array:
    """Stored voxels as (Z, Y, X) for display."""
    return np.ascontiguousarray(display(apply_orientation(values, io_orientation(affine))))


def _ras_affine(scan: _File) -> Array:
    """The affine after the axes were turned to RAS."""
    turn = inv_ornt_aff(io_orientation(scan.affine), scan.values.shape)
    return np.asarray(scan.affine @ turn)
