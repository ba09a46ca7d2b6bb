"""From a map to a mask: where it is strongest, in as much of the field of view as masks cover."""

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

# Pixels; a guide's judge sees nothing this close to the edge of a field of view.
RIM = 12


def cut_at(maps: Tensor, fields: np.ndarray, share: float) -> Tensor:
    """:func:`strongest` of each map.

    Args:
        maps: (B, S, S) float, at least 0.
        fields: (B, S, S) bool.
        share: 0..1.

    Returns:
        (B, S, S) of 0 and 1.
    """
    values = maps.float().cpu().numpy()
    found = [strongest(*one, share, RIM) for one in zip(values, fields, strict=True)]
    return torch.from_numpy(np.stack(found)).to(maps)


def strongest(values: np.ndarray, inside: np.ndarray, share: float, rim: int) -> np.ndarray:
    """The ``share`` of a field of view with the largest values, none of them at its rim.

    Args:
        values: (H, W) float, at least 0.
        inside: (H, W) bool, the field of view.
        share: of its pixels, 0..1.
        rim: what lies within so many pixels of the edge, along either axis, counts as 0.

    Returns:
        (H, W) bool.
    """
    inner = ndimage.binary_erosion(inside, iterations=rim)
    counted = np.where(inner, values, 0)
    return (counted > np.quantile(counted[inside], 1 - share)) & inside
