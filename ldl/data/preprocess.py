"""From a decoded image to the square the networks see: field of view, resize, masks."""

import logging
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from scipy import ndimage
from torch import Tensor

from ldl.data.colour import normalise
from ldl.data.symmetry import apply_symmetry
from ldl.data.views import ViewPair
from ldl.errors import DataError

LOG = logging.getLogger("ldl")
FOV_THRESHOLD = 20  # a pixel belongs to the field of view when any channel exceeds it
FOV_MARGIN = 16  # pixels of the original image by which the box grows on every side
# Share of a target pixel that must be foreground. The release resizes labels without antialiasing
# and thresholds them at 0.3 * 255 (HRF alone at 0.01 * 255). Measured on CHASE_DB1 (7 masks to 128
# px, enlarged again and compared): area averaging with 0.3 keeps 71 % of the vessel centre lines
# and overlaps the original by DSC 0.737; with 0.5 it keeps 54 % (0.723), nearest neighbour 65 %
# (0.715) in fragments, "any foreground" 100 % (0.588) with vessels 2.4 times too wide. At 512 px
# they keep 98 %, 84 %, 90 % and 100 %.
MASK_SHARE = 0.3


class Box(NamedTuple):
    """Rows top..bottom and columns left..right, ends excluded."""

    top: int
    bottom: int
    left: int
    right: int


def field_of_view(image: np.ndarray, path: Path, *, reduced_from: int | None = None) -> Box:
    """Bounding box of the lit disc of a fundus image (paper 6.1.1, as the release does it).

    Any channel > 20, largest 8-connected component, box grown by 16 pixels and cut at the border.
    For a reduced copy the margin shrinks with it (at least one pixel); the threshold does not
    depend on size and stays.

    Args:
        image: (H, W, 3) uint8.
        path: named in errors.
        reduced_from: long side of the original where ``image`` is a reduced copy.

    Raises:
        DataError: nothing is lit.
    """
    # Channel by channel: several times faster than reducing over an axis of three.
    lit = image[..., 0] > FOV_THRESHOLD
    for channel in (1, 2):
        lit |= image[..., channel] > FOV_THRESHOLD
    labels, count = ndimage.label(lit, structure=np.ones((3, 3)))
    if count == 0:
        raise DataError(f"{path}: no field of view (no pixel above {FOV_THRESHOLD}); is it blank?")
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    rows, columns = ndimage.find_objects(labels)[int(sizes.argmax()) - 1]
    height, width = lit.shape
    margin = FOV_MARGIN
    if reduced_from is not None:
        margin = max(1, round(FOV_MARGIN * max(height, width) / reduced_from))
    return Box(
        max(0, rows.start - margin),
        min(height, rows.stop + margin),
        max(0, columns.start - margin),
        min(width, columns.stop + margin),
    )


def crop(pixels: np.ndarray, box: Box) -> np.ndarray:
    """The part of (H, W[, C]) inside the box."""
    return pixels[box.top : box.bottom, box.left : box.right]


def stretch_flat(pixels: np.ndarray, path: Path, least: int) -> np.ndarray:
    """A grey image (H, W) uint8 that is all but flat, stretched to 0..255; any other unchanged.

    Flat means that the middle 99 % of the pixels span fewer than ``least`` levels.
    """
    low, high = np.percentile(pixels, (0.5, 99.5))
    if high - low >= least or high == low:
        return pixels
    LOG.warning("%s: only %d grey levels, stretched to the full range", path, high - low + 1)
    return np.rint((pixels - low) * (255.0 / (high - low))).clip(0, 255).astype(np.uint8)


def resize_image(pixels: np.ndarray, size: int) -> np.ndarray:
    """(H, W) or (H, W, 3) uint8 -> (C, size, size) uint8, antialiased bilinear."""
    square = Image.fromarray(pixels).resize((size, size), Image.Resampling.BILINEAR)
    array = np.asarray(square)
    return array[None] if array.ndim == 2 else np.ascontiguousarray(array.transpose(2, 0, 1))


def resize_mask(mask: np.ndarray, size: int) -> np.ndarray:
    """(H, W) bool -> (size, size) uint8 in {0, 1}: area average, then share > 0.3."""
    area = Image.fromarray(mask.astype(np.float32)).resize((size, size), Image.Resampling.BOX)
    return (np.asarray(area) > MASK_SHARE).astype(np.uint8)


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
