"""Two views of each image, made in batch on the device, with the geometry that made them."""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from ldl.data.colour import jitter_colour, normalise, to_float
from ldl.data.sampling import SYMMETRY_SETS, Affine, apply_symmetry, random_affine, uniform
from ldl.rng import sent
from ldl.runs.pretrain import ScaleName

CROP_AREA = (0.9, 1.0)
BASE_DEGREES, VIEW_DEGREES = 180.0, 2.0


@dataclass(frozen=True)
class ViewPair:
    """Two views (B, C, S, S) float, normalised, and where their pixels come from.

    ``second`` is turned by ``symmetry`` (B,) int64 codes, after ``second_affine``:
    ``undo_symmetry(features of second, symmetry)`` is in register with the features of ``first`` up
    to the two small turns.
    """

    first: Tensor
    second: Tensor
    symmetry: Tensor
    first_affine: Affine
    second_affine: Affine


def window_of(scale: ScaleName, crop: int, size: int) -> tuple[tuple[float, float], float]:
    """The range of a view's area in the image's, and its largest aspect ratio."""
    share = (crop / size) ** 2 if scale == "native" else 1.0
    # A whole image leaves no room for more than this; a window is as little out of shape.
    widest = 4 / 3 if scale == "whole" else 1 / CROP_AREA[0]
    return (CROP_AREA[0] * share, CROP_AREA[1] * share), widest


def draw_views(
    images: Tensor,
    crop: int,
    symmetries: str,
    generator: Generator,
    scale: ScaleName = "whole",
    degrees: float = VIEW_DEGREES,
) -> ViewPair:
    """The augmentation of LDL section 6.1.2 in the order of the release.

    Per image: flips, rotation +-180 degrees, a crop of 0.9-1 of the area. Per view: a turn of up to
    ``degrees`` (not undone later, as in the release) and colour. The second view: a symmetry.

    Args:
        images: (B, C, H, H) uint8 on the device; the generator is on the CPU.
        crop: side S of the views in pixels.
        symmetries: "rotations" (the four that the release can draw) or "dihedral".
        scale: "whole" as published, or "native": of a window with as many pixels as the view.
    """
    count, (area, widest) = len(images), window_of(scale, crop, images.shape[-1])
    base = random_affine(count, degrees=BASE_DEGREES, area=area, generator=generator, widest=widest)
    turns = [uniform(count, -degrees, degrees, generator) for _ in range(2)]
    codes = torch.tensor(SYMMETRY_SETS[symmetries])
    symmetry = sent(codes[torch.randint(len(codes), (count,), generator=generator)], images)
    affines = [base.turned(turn) for turn in turns]
    values = to_float(images)
    both = torch.cat([affine.sample(values, crop) for affine in affines])
    first, second = normalise(jitter_colour(both, generator)).chunk(2)
    return ViewPair(first, apply_symmetry(second, symmetry), symmetry, *affines)


def draw_labelled(
    images: Tensor, masks: Tensor, generator: Generator, crop: int | None = None
) -> tuple[Tensor, Tensor]:
    """Flips and rotation +-180 degrees, the same for an image and its mask (transfer training).

    Images (B, C, H, H) and masks (B, H, H) uint8, masks in {0, 1} -> (B, C, S, S) float normalised,
    (B, 1, S, S) float; outside the image both are 0. ``crop`` is the side S of a window at the
    images' own scale; None takes the whole, S = H. The generator is on the CPU.
    """
    size = crop or images.shape[-1]
    share = (size / images.shape[-1]) ** 2
    affine = random_affine(
        len(images), degrees=BASE_DEGREES, area=(share, share), generator=generator, widest=1.0
    )
    turned = affine.sample(to_float(images), size)
    return normalise(turned), affine.sample(masks[:, None].float(), size, mode="nearest")
