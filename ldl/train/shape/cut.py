"""From a map to a mask: where it is strongest, in as much of the field of view as masks cover."""

from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage
from skimage.morphology import disk
from torch import Tensor

from ldl.data.colour import to_uint8
from ldl.data.preprocess import field_masks

# Pixels; a guide's judge sees nothing this close to the edge of a field of view.
RIM = 12


@dataclass(frozen=True)
class Cut:
    """How maps become masks.

    Attributes:
        share: of a field of view, where the map is strongest.
        window: images are windows of an eye, whose own border is no rim.
    """

    share: float
    window: bool = False

    def __call__(self, maps: Tensor, fields: np.ndarray) -> Tensor:
        """(B, S, S) float, at least 0, in fields (B, S, S) bool -> (B, S, S) of 0 and 1."""
        found = [
            strongest(*one, self.share, RIM, self.window)
            for one in zip(maps.float().cpu().numpy(), fields, strict=True)
        ]
        return torch.from_numpy(np.stack(found)).to(maps)


def strongest(
    values: np.ndarray, inside: np.ndarray, share: float, rim: int, window: bool = False
) -> np.ndarray:
    """The ``share`` of a field of view with the largest values, none of them at its rim.

    Args:
        values: (H, W) float, at least 0.
        inside: (H, W) bool, the field of view.
        share: of its pixels, 0..1.
        rim: what lies within so many pixels of the edge, along either axis, counts as 0.
        window: whether the picture's own border is no edge.

    Returns:
        (H, W) bool.
    """
    inner = ndimage.binary_erosion(inside, iterations=rim, border_value=window)
    counted = np.where(inner, values, 0)
    return (counted > np.quantile(counted[inside], 1 - share)) & inside


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
