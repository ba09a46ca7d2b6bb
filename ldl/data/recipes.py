"""Augmentation of the comparison methods, in batch on the device: a recipe a paper, and how Models
Genesis spoils an image that a network shall restore (Zhou et al. 2019), in 2-D.
"""

from dataclasses import dataclass, replace

import torch
from kornia.color import rgb_to_grayscale
from kornia.enhance import solarize
from kornia.filters import gaussian_blur2d
from torch import Generator, Tensor

from ldl.data.colour import adjust_colour, normalise, to_float
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
# Values, rates and sides of Models Genesis are those of the authors' code.
LEVELS = 256
_POINTS = 1024
# At most this many windows are painted; each after the first comes with this probability.
WINDOWS, ANOTHER = 5, 0.95
# Windows keep this many pixels from the image's edge.
BORDER = 3


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
    count = len(images)

    def factor(strength: float) -> Tensor:
        return sent(uniform(count, max(0.0, 1 - strength), 1 + strength, generator), images)

    drawn = [factor(recipe.brightness), factor(recipe.contrast)]
    if images.shape[1] == 3:
        drawn += [factor(recipe.saturation)]
        turn = sent(uniform(count, -recipe.hue, recipe.hue, generator), images)
        drawn += [turn * 2 * torch.pi]
    return adjust_colour(images, *drawn)


def _blur(images: Tensor, generator: Generator) -> Tensor:
    size = images.shape[-1]
    low, high = (limit * size / _BLUR_SIDE for limit in _BLUR_SIGMA)
    # On the CPU, where kornia looks whether it is positive.
    sigma = uniform(len(images), low, high, generator).clamp_min(1e-3)
    # A tenth of the side, as in the original, and odd.
    side = max(3, size // 10 | 1)
    return gaussian_blur2d(images, (side, side), sigma[:, None].expand(-1, 2))


@dataclass(frozen=True)
class Rates:
    """Probabilities: of each change, and of painting outside rather than inside."""

    intensity: float = 0.9
    shuffle: float = 0.5
    paint: float = 0.9
    outside: float = 0.8


def spoil(images: Tensor, rates: Rates, generator: Generator) -> Tensor:
    """Local shuffling, a change of intensities, painting, each at its rate and an image its own.

    (B, C, S, S) float in 0..1, S at least 32, to the same; the generator is on the CPU.
    """
    count = len(images)

    def some(rate: float) -> Tensor:
        return sent((torch.rand(count, generator=generator) < rate).view(-1, 1, 1, 1), images)

    size = images.shape[-1]
    images = torch.where(some(rates.shuffle), shuffle_tiles(images, size // 10, generator), images)
    curves = sent(bezier_curves(count, generator), images)
    images = torch.where(some(rates.intensity), apply_curves(images, curves), images)
    inner = windows(count, size, (size // 6, size // 3), generator)
    kept = windows(count, size, (size - 4 * size // 7, size - 3 * size // 7), generator)
    outside = some(rates.outside)
    painted = torch.where(outside, ~sent(kept, images), sent(inner, images))
    noise = sent(torch.rand(count, 1, size, size, generator=generator), images)
    return torch.where(painted & some(rates.paint), noise, images)


def bezier_curves(count: int, generator: Generator) -> Tensor:
    """What each of 256 grey values in 0..1 becomes, (count, 256) in 0..1.

    Cubic Bezier curves from (0, 0) to (1, 1) with two inner points anywhere in the unit square;
    they rise. For half of the images the heights are taken in reverse, so that the curve falls.
    """
    t = torch.linspace(0, 1, _POINTS)
    basis = torch.stack([3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t)])
    inner = torch.rand(count, 2, 2, generator=generator)
    along, height = (inner @ basis + t**3).unbind(dim=1)
    falls = torch.rand(count, generator=generator) < 0.5
    height = torch.where(falls[:, None], height.flip(1), height)
    levels = torch.linspace(0, 1, LEVELS).expand(count, -1).contiguous()
    right = torch.searchsorted(along.contiguous(), levels).clamp(1, _POINTS - 1)
    start, end = along.gather(1, right - 1), along.gather(1, right)
    share = ((levels - start) / (end - start).clamp_min(1e-12)).clamp(0, 1)
    return torch.lerp(height.gather(1, right - 1), height.gather(1, right), share)


def apply_curves(images: Tensor, curves: Tensor) -> Tensor:
    """(B, C, H, W) in 0..1 through (B, 256) curves; all channels of an image by the same one."""
    place = images.flatten(1) * (LEVELS - 1)
    below = place.floor().clamp(0, LEVELS - 2).long()
    start, end = curves.gather(1, below), curves.gather(1, below + 1)
    return torch.lerp(start, end, place - below).view_as(images)


def shuffle_tiles(images: Tensor, largest: int, generator: Generator) -> Tensor:
    """Permute the pixels of (B, C, H, W) within tiles whose sides are 1 to ``largest`` pixels.

    The original shuffles within thousands of overlapping windows one after another; here one tiling
    with a random origin covers each image, so that a batch is done at once.
    """
    count, _, height, width = images.shape
    side = torch.randint(1, max(1, largest) + 1, (2, count, 1), generator=generator)
    start = (torch.rand(2, count, 1, generator=generator) * side).long()
    row = (torch.arange(height) + start[0]) // side[0]
    column = (torch.arange(width) + start[1]) // side[1]
    tile = sent((row[:, :, None] * (width + 1) + column[:, None, :]).flatten(1), images)
    chance = sent(torch.rand(tile.shape, generator=generator), images).argsort(dim=1)
    # Both list the pixels tile by tile: one in a random order within it, one in their own.
    source = chance.gather(1, tile.gather(1, chance).argsort(dim=1, stable=True))
    target = tile.argsort(dim=1, stable=True)
    order = torch.empty_like(source).scatter_(1, target, source)
    return images.flatten(2).take_along_dim(order[:, None], dim=2).view_as(images)


def windows(count: int, size: int, sides: tuple[int, int], generator: Generator) -> Tensor:
    """The union of one to five windows an image: (count, 1, size, size) bool.

    Heights and widths are uniform in ``sides[0]`` to ``sides[1]`` pixels.
    """
    side = uniform(2 * count * WINDOWS, sides[0], sides[1] + 1, generator).floor()
    side = side.view(2, count, WINDOWS, 1)
    room = size - side - 2 * BORDER
    start = BORDER + (torch.rand(side.shape, generator=generator) * (room + 1)).floor()
    pixel = torch.arange(size)
    rows, columns = ((start <= pixel) & (pixel < start + side)).unbind()
    more = torch.rand(count, WINDOWS, generator=generator) < ANOTHER
    more[:, 0] = True
    there = more.cumprod(dim=1).bool()[:, :, None, None]
    return (rows[..., None] & columns[:, :, None] & there).any(dim=1, keepdim=True)
