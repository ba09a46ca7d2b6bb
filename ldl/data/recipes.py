"""Augmentation of the comparison methods, in batch on the device: a recipe a paper."""

from dataclasses import dataclass, replace

import torch
from kornia.color import rgb_to_grayscale
from kornia.enhance import solarize
from kornia.filters import gaussian_blur2d
from torch import Generator, Tensor

from ldl.data.colour import adjust_colour, colour_factors, normalise, to_float
from ldl.data.sampling import Affine, random_affine, uniform
from ldl.rng import sent


@dataclass(frozen=True)
class Recipe:
    """How one view is drawn.

    ``area`` is the range of the crop's share of the image. ``jitter``, ``gray`` (no colour),
    ``blur`` and ``solarise`` (what is brighter than one half is inverted) are probabilities; the
    strengths of the jitter are those of torchvision's ColorJitter, the blur's sigma is 0.1 to 2
    pixels of a 224-pixel view, scaled with the view. The rotation is in -degrees..degrees.
    """

    area: tuple[float, float] = (0.2, 1.0)
    jitter: float = 1.0
    brightness: float = 0.4
    contrast: float = 0.4
    saturation: float = 0.4
    hue: float = 0.4
    gray: float = 0.2
    blur: float = 0.0
    solarise: float = 0.0
    degrees: float = 0.0


# Wu et al. 2018 and MoCo v1 share one recipe; MoCo v2 adds blur and a smaller hue (0.1).
INSTANCE = Recipe()
MOCO_V2 = Recipe(jitter=0.8, hue=0.1, blur=0.5)
# Chen et al. 2020: strength 1 of 0.8, 0.8, 0.8, 0.2, crops from 8 % of the area on.
SIMCLR = Recipe(
    area=(0.08, 1.0), jitter=0.8, brightness=0.8, contrast=0.8, saturation=0.8, hue=0.2, blur=0.5
)
# Grill et al. 2020, Table 6: the two views differ in blur and solarisation.
BYOL_FIRST = Recipe(area=(0.08, 1.0), jitter=0.8, saturation=0.2, hue=0.1, blur=1.0)
BYOL_SECOND = replace(BYOL_FIRST, blur=0.1, solarise=0.2)
# For tasks whose label is the geometry: colour as mild as can be.
PLAIN = Recipe(area=(0.9, 1.0), brightness=0.2, contrast=0.2, saturation=0.2, hue=0.02, gray=0.0)
_BLUR_SIDE, _BLUR_SIGMA = 224, (0.1, 2.0)


@dataclass(frozen=True)
class View:
    """(B, C, S, S) float, normalised, and where its pixels come from."""

    image: Tensor
    affine: Affine


def draw_view(images: Tensor, size: int, recipe: Recipe, generator: Generator) -> View:
    """One view of side ``size`` of each image (B, 3 or 1, H, H) uint8 on the device.

    Flips along both axes, since neither is fixed in a fundus or film. The generator is on the CPU,
    so that a seed means the same on every device.
    """
    affine = random_affine(
        len(images), degrees=recipe.degrees, area=recipe.area, generator=generator
    )
    values = affine.sample(to_float(images), size)
    values = _some(values, recipe.jitter, generator, lambda x: _jitter(x, recipe, generator))
    if images.shape[1] == 3:
        gray = rgb_to_grayscale(values).expand_as(values)
        values = torch.where(_chosen(values, recipe.gray, generator), gray, values)
    if recipe.blur:
        values = _some(values, recipe.blur, generator, lambda x: _blur(x, generator))
    if recipe.solarise:
        values = _some(values, recipe.solarise, generator, lambda x: solarize(x, 0.5))
    return View(normalise(values.clamp(0, 1)), affine)


def _chosen(images: Tensor, probability: float, generator: Generator) -> Tensor:
    chosen = torch.rand(len(images), generator=generator) < probability
    return sent(chosen.view(-1, 1, 1, 1), images)


def _some(images: Tensor, probability: float, generator: Generator, change) -> Tensor:  # type: ignore[no-untyped-def]
    """``change`` applied to each image with ``probability``."""
    if probability == 0:
        return images
    chosen = _chosen(images, probability, generator)
    return torch.where(chosen, change(images), images)


def _jitter(images: Tensor, recipe: Recipe, generator: Generator) -> Tensor:
    strengths = (recipe.brightness, recipe.contrast, recipe.saturation, recipe.hue)
    known = 2 if images.shape[1] == 1 else 4
    return adjust_colour(images, *colour_factors(images, strengths[:known], generator))


def _blur(images: Tensor, generator: Generator) -> Tensor:
    size = images.shape[-1]
    low, high = (limit * size / _BLUR_SIDE for limit in _BLUR_SIGMA)
    # On the CPU, where kornia looks whether it is positive.
    sigma = uniform(len(images), low, high, generator).clamp_min(1e-3)
    # A tenth of the side, as in the original, and odd.
    side = max(3, size // 10 | 1)
    return gaussian_blur2d(images, (side, side), sigma[:, None].expand(-1, 2))
