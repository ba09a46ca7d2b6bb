"""A predicted label map back in the scanner's millimetres, for viewers and other tools."""

import nibabel
import numpy as np

from ldl.data.ct.bank import CtEntry

Array = np.ndarray


def as_nifti(entry: CtEntry, labels: Array) -> nibabel.Nifti1Image:
    """A label map of one volume as NIfTI.

    Args:
        entry: the volume; its affine says where it lies.
        labels: (Z, Y, X) uint8, as `CtBank.stacked` yields them.
    """
    affine = np.asarray(entry.affine)
    return nibabel.Nifti1Image(np.ascontiguousarray(labels.transpose(2, 1, 0)), affine)
