"""What needs no training: dark thin structures by a black top-hat, cut at the masks' share."""

import numpy as np
import torch
from scipy import ndimage
from skimage.morphology import disk
from torch import Tensor

from ldl.data.colour import to_uint8
from ldl.data.preprocess import field_masks
from ldl.train.shape.cut import strongest

# Pixels: of smoothing, of the structuring disc, of the field's rim that is left out. They fit
# vessels of 2 to 8 pixels, as images of 512 have.
SMOOTH, RADIUS, RIM = 1.0, 5, 6
GREEN = 1


def top_hat(images: Tensor, share: float) -> Tensor:
    """The ``share`` of the field of view with the largest top-hat of the green channel.

    Args:
        images: (B, 3, S, S) float, normalised.
        share: of the field of view, 0..1.

    Returns:
        (B, S, S) float, 0 or 1.
    """
    shown = to_uint8(images)
    found = [
        _dark_lines(image[GREEN], inside, share)
        for image, inside in zip(shown, field_masks(shown), strict=True)
    ]
    return torch.from_numpy(np.stack(found)).to(images)


def _dark_lines(green: np.ndarray, inside: np.ndarray, share: float) -> np.ndarray:
    smooth = ndimage.gaussian_filter(green.astype(np.float32), SMOOTH)
    darker = ndimage.black_tophat(smooth, footprint=disk(RADIUS))
    return strongest(darker, inside, share, RIM)
