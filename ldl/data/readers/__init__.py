"""Readers: one file a format. Every fault is a DataError that names the file."""

from ldl.data.readers.centres import read_hrf_centres, read_hrf_experts, read_idrid_centres
from ldl.data.readers.grades import read_grades
from ldl.data.readers.image import as_colour, as_grey, read_image
from ldl.data.readers.mask import read_mask
from ldl.data.readers.nifti import Volume, read_label_volume, read_volume
from ldl.data.readers.rle import read_rle_mask

__all__ = [
    "Volume",
    "as_colour",
    "as_grey",
    "read_grades",
    "read_hrf_centres",
    "read_hrf_experts",
    "read_idrid_centres",
    "read_image",
    "read_label_volume",
    "read_mask",
    "read_rle_mask",
    "read_volume",
]
