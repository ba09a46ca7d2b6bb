"""The camera's field of view, pixel by pixel, of images that are already cropped to it."""

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from ldl.data.colour import normalise
from ldl.data.preprocess import FOV_THRESHOLD
from ldl.data.symmetry import apply_symmetry
from ldl.data.views import ViewPair


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


def lit(images: Tensor) -> Tensor:
    """(B, 3, H, W) float, normalised -> (B, H, W) float, 1 where any channel is above 20."""
    return (images > normalise(torch.full_like(images, FOV_THRESHOLD / 255))).any(dim=1).float()


def lit_in_views(images: Tensor, views: ViewPair) -> Tensor:
    """Where the views of a training step are lit: any channel of the image above 20.

    Args:
        images: (B, 3, H, H) uint8, of which the views were made.
        views: of side S.

    Returns:
        (2B, 1, S, S) float, 0 or 1: first views, then second ones as they were turned.
    """
    lit, size = (images > FOV_THRESHOLD).any(dim=1, keepdim=True).float(), views.first.shape[-1]
    first = views.first_affine.sample(lit, size, mode="nearest")
    second = views.second_affine.sample(lit, size, mode="nearest")
    return torch.cat([first, apply_symmetry(second, views.symmetry)])
