"""A toy embedder that shifts and turns exactly with its image, and scenes to look at with it."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from ldl.rng import generator
from ldl.sphere import unit

BLURS = (1.0, 2.0, 4.0)
WAVES = 16
FREQUENCY = 60.0  # radians over the range of a channel


def blur(images: Tensor, sigma: float) -> Tensor:
    """An isotropic Gaussian over (B, C, H, W), the image's border repeated."""
    reach = int(3 * sigma)
    taps = torch.exp(-torch.arange(-reach, reach + 1).float().square() / (2 * sigma**2))
    taps = (taps / taps.sum()).expand(images.shape[1], 1, 1, -1)
    padded = F.pad(images, (reach,) * 4, mode="replicate")
    across = F.conv2d(padded, taps, groups=images.shape[1])
    return F.conv2d(across, taps.transpose(2, 3), groups=images.shape[1])


def toy_embedder(images: Tensor) -> Tensor:
    """Waves over a pixel's colour and its blurred ones.

    Args:
        images: (B, C, H, W) float in 0..1.

    Returns:
        (B, 32, H, W) unit vectors. Away from the border they know nothing of the place and turn
        with the image.
    """
    layers = torch.cat([images, *(blur(images, sigma) for sigma in BLURS)], dim=1)
    turns = torch.randn(WAVES, layers.shape[1], generator=generator(0, "toy")) * FREQUENCY
    phase = torch.einsum("fc,bchw->bfhw", turns, layers)
    return unit(torch.cat([phase.cos(), phase.sin()], dim=1), dim=1)


def draw_scene(seed: int, side: int = 96, channels: int = 3) -> Tensor:
    """A smooth random scene (channels, side, side) float in 0..1."""
    noise = torch.randn(1, channels, side, side, generator=generator(seed, "scene"))
    values = blur(noise, 1.0) + 2 * blur(noise.flip(1), 3.0)
    low, high = values.amin(), values.amax()
    return ((values - low) / (high - low))[0]


@pytest.fixture
def embedder() -> Callable[[Tensor], Tensor]:
    """The toy."""
    return toy_embedder


@pytest.fixture
def scene() -> Callable[..., Tensor]:
    """Draws scenes from seeds."""
    return draw_scene
