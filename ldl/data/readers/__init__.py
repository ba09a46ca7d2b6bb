"""Readers: one file a format. Every fault is a DataError that names the file."""

from ldl.data.readers.image import as_colour, as_grey, read_image
from ldl.data.readers.mask import read_mask

__all__ = ["as_colour", "as_grey", "read_image", "read_mask"]
