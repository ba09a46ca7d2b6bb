"""Superpixels of windowed CT slices: Felzenszwalb's algorithm (LRC section 2.1)."""

import numpy as np
from pydantic import Field
from scipy import ndimage
from skimage.segmentation import felzenszwalb

from ldl.config import Strict
from ldl.errors import ConfigError

Array = np.ndarray
MOST = np.iinfo(np.int16).max  # region maps are int16
# The smallest superpixel grows with the picture: 4, 8, 16 and 32 pixels at 64, 128, 256 and 512.
SIDE_TO_SMALLEST = 16
# Table and wires beside the body: parts of the picture smaller than this share of the largest.
ISLAND = 0.05


class SuperpixelConfig(Strict):
    """Felzenszwalb's parameters on slices of 0..255 grey levels, and what counts as air.

    The paper gives none. Chosen on 40 slices each of abdomen, thorax and head-and-neck CT among
    scales 10-50 and sigmas 0.3-0.8: at sigma 0.5, 20 is the largest scale at which, at 128 and 256
    px, less than a tenth of an organ's pixels (mean over the organs of a set) lie in regions that
    hold more of another organ (`ldl.data.superpixel_quality.merged_share`). In the abdomen it is
    0.03 at both, in head and neck 0.01, in the thorax 0.10 and 0.06, where the esophagus is a few
    pixels wide. At 64 px the thorax has 0.13, and no setting less than 0.11.

    Attributes:
        scale: the larger, the larger the regions.
        sigma: of the Gaussian that smooths the slice first, in pixels.
        min_size: smaller regions are merged into a neighbour, in pixels; None: a sixteenth of the
            slice's shorter side.
        air: grey levels up to this, connected with the slice's edge through such pixels, lie
            outside the body and belong to no region, nor do islands in them (the table) of less
            than 5 % of the body. Air inside (lungs, bowel) stays. -1: the whole slice is body.
    """

    scale: float = Field(default=20.0, gt=0)
    sigma: float = Field(default=0.5, ge=0)
    min_size: int | None = Field(default=None, ge=1)
    air: int = Field(default=4, ge=-1, le=255)

    def smallest(self, height: int, width: int) -> int:
        """``min_size`` in pixels for slices of this size."""
        return self.min_size or max(1, min(height, width) // SIDE_TO_SMALLEST)


def superpixels(slice_: Array, config: SuperpixelConfig) -> Array:
    """Regions of one slice.

    Args:
        slice_: (C, H, W) uint8, windowed; channels are neighbouring slices or one.
        config: the parameters.

    Returns:
        (H, W) int16: 0..K-1 in row-major order of first appearance, -1 outside the body.

    Raises:
        ConfigError: more than 32,767 regions.
    """
    height, width = slice_.shape[1:]
    # Felzenszwalb wants grey levels as 0..1 and divides its scale by 255 itself.
    found = felzenszwalb(
        slice_,
        scale=config.scale,
        sigma=config.sigma,
        min_size=config.smallest(height, width),
        channel_axis=0,
    )
    found[outside(slice_, config.air)] = -1
    return _renumbered(found)


def outside(slice_: Array, air: int) -> Array:
    """(H, W) bool: what is around the body, by the rule of `SuperpixelConfig`."""
    dark, _ = ndimage.label((slice_ <= air).all(axis=0))
    reached = np.unique(np.concatenate([dark[0], dark[-1], dark[:, 0], dark[:, -1]]))
    around = np.isin(dark, reached[reached > 0])
    parts, _ = ndimage.label(~around)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    return np.asarray(around | (sizes < ISLAND * sizes.max())[parts])


def _renumbered(found: Array) -> Array:
    """Ids 0.. in order of first appearance; negative ones become -1."""
    ids, first, place = np.unique(found, return_index=True, return_inverse=True)
    inside = ids >= 0
    if inside.sum() > MOST:
        raise ConfigError(
            f"superpixels: {inside.sum():,} regions in one slice, at most {MOST:,} fit; "
            "raise scale or min_size"
        )
    number = np.full(len(ids), -1, np.int16)
    order = np.argsort(first[inside])
    number[np.flatnonzero(inside)[order]] = np.arange(len(order))
    return number[place.reshape(found.shape)]
