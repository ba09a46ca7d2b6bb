"""The camera's field of view, pixel by pixel, of images that are already cropped to it."""

import numpy as np
from scipy import ndimage

from ldl.data.preprocess import FOV_THRESHOLD


def field_masks(images: np.ndarray) -> np.ndarray:
    """Where a fundus image is lit: any channel above 20, the largest component, its holes filled.

    Args:
        images: (N, 3, H, W) uint8.

    Returns:
        (N, H, W) bool; all of an image in which nothing is lit.
    """
    return np.stack([_field(image) for image in images])


def _field(image: np.ndarray) -> np.ndarray:
    lit = (image > FOV_THRESHOLD).any(axis=0)
    labels, count = ndimage.label(lit, structure=np.ones((3, 3)))
    if count == 0:
        return np.ones(lit.shape, dtype=bool)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    filled: np.ndarray = ndimage.binary_fill_holes(labels == sizes.argmax())
    return filled
