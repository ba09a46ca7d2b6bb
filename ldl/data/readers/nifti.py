"""NIfTI volumes: voxels as stored and where they lie, the header held against itself."""

from pathlib import Path
from typing import Any, NamedTuple

import nibabel
import numpy as np
from nibabel.orientations import axcodes2ornt, inv_ornt_aff
from nibabel.orientations import io_orientation as to_ras

from ldl.data.files import cause, read_bytes, unreadable
from ldl.errors import DataError

__all__ = [
    "Nifti",
    "read_nifti",
    "to_ras",
]  # `to_ras`: (3, 2), what turns an affine's voxels to RAS+
Array = np.ndarray
TILT = 5.0  # degrees between a voxel axis and the patient's, above which slices are not axial
SPACINGS = (0.1, 20.0)  # mm
NIFTI2 = 540  # bytes of its header; of the first version's 348


class Nifti(NamedTuple):
    """Values (X, Y, Z) as stored, scaled where the header says so; (4, 4) from voxel to RAS+ mm."""

    values: Array
    affine: Array


def read_nifti(path: Path, axes: str | None = None) -> Nifti:
    """One volume, ``.nii`` or ``.nii.gz``, its header checked before its voxels.

    ``axes`` say where the stored ones point (such as "LPS") when the header is known to be wrong.
    """
    raw = read_bytes(path)
    found = cause(raw)
    if found and "NIfTI" not in found:
        raise DataError(f"{path}: not NIfTI, but {found}")
    size = {int.from_bytes(raw[:4], order) for order in ("little", "big")}
    kind = nibabel.Nifti2Image if NIFTI2 in size else nibabel.Nifti1Image
    try:
        file = kind.from_bytes(raw)
    except Exception as error:  # nibabel raises many kinds
        raise unreadable(path, raw, "NIfTI", error) from error
    _check_dimensions(file, len(raw), path)
    affine = _affine(file, path, axes)
    _check_affine(affine, path)
    if axes is None:
        _check_agreement(file, affine, path)
    stored: Any = file.dataobj
    try:
        if (stored.slope, stored.inter) == (1.0, 0.0):
            return Nifti(np.asanyarray(stored.get_unscaled()), affine)
        with np.errstate(over="ignore", invalid="ignore"):  # told where it is found
            # Doubles would fill the memory.
            return Nifti(np.asanyarray(stored, dtype=np.float32), affine)
    except Exception as error:
        raise unreadable(path, raw, "NIfTI", error) from error


def _check_dimensions(file: Any, size: int, path: Path) -> None:
    shape, kind = file.shape, file.get_data_dtype()
    if len(shape) != 3:
        raise DataError(
            f"{path}: {len(shape)} dimensions where a volume has 3; save one phase alone"
        )
    if min(shape) < 1:
        raise DataError(f"{path}: a volume of {shape} holds no voxels")
    if kind.kind not in "iuf":
        what = "RGB colours" if kind.fields else f"voxels of type {kind}"
        raise DataError(f"{path}: {what} where numbers are expected; save it as integers")
    told = int(file.dataobj.offset) + int(np.prod(shape, dtype=np.int64)) * kind.itemsize
    beside = f"{size:,} bytes where its header says {told:,}"
    if told > size:
        raise DataError(f"{path}: truncated NIfTI, {beside}; copy it again")
    if size - told >= kind.itemsize * shape[0] * shape[1]:
        raise DataError(f"{path}: {beside}; header and voxels are of different volumes")


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


def _check_affine(affine: Array, path: Path) -> None:
    """Insist on axial slices with a size in mm."""
    linear = affine[:3, :3]
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
        raise DataError(f"{path}: slices are tilted by {tilt:.0f} degrees, not axial; resample it")


def _check_agreement(file: Any, affine: Array, path: Path) -> None:
    """Programs differ in which of a header's statements they read; all must say the same."""
    contradicts = f"{path}: the header contradicts itself"
    try:
        qform = file.header.get_qform(coded=True)[0]
    except Exception as error:
        raise DataError(f"{path}: damaged qform ({error}); write the header anew") from error
    sizes = np.linalg.norm(affine[:3, :3], axis=0)
    if int(file.header["sform_code"]) and qform is not None:
        said = ["".join(map(str, nibabel.aff2axcodes(one))) for one in (qform, affine)]
        if said[0] != said[1]:
            raise DataError(
                f"{contradicts}: qform says {said[0]}, sform {said[1]}; which side is left? Write "
                "both alike"
            )
        turned = np.abs((qform - affine)[:3, :3] @ np.array(file.shape, float)).max()
        if not turned <= sizes.max():
            raise DataError(
                f"{contradicts}: qform and sform lie {turned:.3g} mm apart at a corner; write both "
                "alike"
            )
    zooms = np.asarray(file.header.get_zooms()[:3], float)
    if not np.allclose(sizes, zooms, rtol=0.02):
        shown = [" x ".join(f"{one:.4g}" for one in each) for each in (zooms, sizes)]
        raise DataError(
            f"{contradicts}: voxels of {shown[0]} mm by pixdim, of {shown[1]} mm by its affine; "
            "write the header anew"
        )
