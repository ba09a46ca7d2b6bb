"""Colour augmentation with one draw for each image (LDL section 6.1.2)."""

import numpy as np
import torch
from kornia.color import rgb_to_grayscale
from kornia.enhance import (
    adjust_brightness_accumulative,
    adjust_contrast_with_mean_subtraction,
    adjust_hue,
    adjust_saturation_with_gray_subtraction,
)
from torch import Generator, Tensor

from ldl.data.sampling import uniform
from ldl.rng import sent

# ColorJitter(0.4, 0.4, 0.4, 0.02) and RandomGrayscale(0.2) of the release.
STRENGTH, HUE, GRAY = 0.4, 0.02, 0.2
# Per channel mean and standard deviation: ImageNet's for colour, 0.5 for X-ray.
NORMALISATION = {
    3: ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    1: ((0.5,), (0.5,)),
}


def jitter_colour(images: Tensor, generator: Generator) -> Tensor:
    """Brightness, contrast, and for colour images saturation, hue and at times no colour at all.

    (B, 3 or 1, H, W) float in 0..1. The order is fixed where torchvision shuffles it.
    """
    drawn = colour_factors(images, (STRENGTH, STRENGTH, STRENGTH, HUE), generator)
    gray = sent(torch.rand(len(images), generator=generator) < GRAY, images)
    images = adjust_colour(images, *drawn)
    if images.shape[1] == 1:
        return images
    return torch.where(gray.view(-1, 1, 1, 1), rgb_to_grayscale(images).expand_as(images), images)


def colour_factors(
    images: Tensor, strengths: tuple[float, ...], generator: Generator
) -> list[Tensor]:
    """What `adjust_colour` takes, drawn for (B, ...) images: brightness, contrast, saturation, hue.

    The strengths are those of torchvision's ColorJitter, the first two or all four.
    """
    bounds = [(max(0.0, 1 - one), 1 + one) for one in strengths[:3]]
    bounds += [(-one, one) for one in strengths[3:]]
    drawn = [sent(uniform(len(images), *one, generator), images) for one in bounds]
    return drawn[:3] + [one * 2 * torch.pi for one in drawn[3:]]


def adjust_colour(
    images: Tensor,
    bright: Tensor,
    contrast: Tensor,
    saturation: Tensor | None = None,
    hue: Tensor | None = None,
) -> Tensor:
    """(B, 3 or 1, H, W) in 0..1, each by its own (B,) factors and turn of hue in radians.

    The last two are for colour alone.
    """
    images = adjust_brightness_accumulative(images, bright)
    images = adjust_contrast_with_mean_subtraction(images, contrast)
    if images.shape[1] == 1 or saturation is None or hue is None:
        return images
    return adjust_hue(adjust_saturation_with_gray_subtraction(images, saturation), hue)


def normalise(images: Tensor) -> Tensor:
    """(B, 3 or 1, H, W) in 0..1 -> zero mean, unit variance as the networks expect it."""
    shift, scale = _moments(images)
    return (images - shift) / scale


def _moments(images: Tensor) -> tuple[Tensor, Tensor]:
    shift, scale = (sent(torch.tensor(one), images) for one in NORMALISATION[images.shape[1]])
    return shift.view(1, -1, 1, 1), scale.view(1, -1, 1, 1)


def to_float(images: Tensor) -> Tensor:
    """uint8 0..255 -> float32 0..1."""
    return images.float() / 255


def to_uint8(images: Tensor) -> np.ndarray:
    """Normalised again as pixels: (B, 3 or 1, H, W) float -> uint8 0..255 on the CPU."""
    shift, scale = _moments(images)
    found: np.ndarray = ((images * scale + shift) * 255).round().clamp(0, 255).byte().cpu().numpy()
    return found
