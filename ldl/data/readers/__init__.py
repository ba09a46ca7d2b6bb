"""Readers: one file a kind of format; `nifti` is asked by its name, nibabel takes long to load."""

from ldl.data.readers.image import (
    as_colour,
    as_grey,
    is_image,
    read_image,
    read_mask,
    read_rle_mask,
)
from ldl.data.readers.tables import read_grades, read_hrf_centres, read_idrid_centres
