"""Two views of each image, made in batch on the device, with the geometry that made them."""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from ldl.data.colour import jitter_colour, normalise, to_float
from ldl.data.sampling import Affine, random_affine, uniform
from ldl.data.symmetry import SYMMETRY_SETS, apply_symmetry

CROP_AREA = (0.9, 1.0)
BASE_DEGREES, VIEW_DEGREES = 180.0, 2.0


@dataclass(frozen=True)
class ViewPair:
    """Two views and how they came about.

    Attributes:
        first: (B, C, S, S) float, normalised.
        second: (B, C, S, S) float, normalised, and turned by ``symmetry``.
        symmetry: (B,) int64 codes; ``undo_symmetry(features of second, symmetry)`` is in register
            with the features of ``first`` up to the two small turns.
        first_affine: where the first view's pixels come from.
        second_affine: the same for the second view before its symmetry.
    """

    first: Tensor
    second: Tensor
    symmetry: Tensor
    first_affine: Affine
    second_affine: Affine


def draw_views(images: Tensor, crop: int, symmetries: str, generator: Generator) -> ViewPair:
    """The augmentation of LDL section 6.1.2 in the order of the release.

    Per image: flips, rotation +-180 degrees, a crop of 0.9-1 of the area. Per view: a turn of +-2
    degrees (not undone later, as in the release) and colour. The second view: a symmetry.

    Args:
        images: (B, C, H, H) uint8 on the device.
        crop: side S of the views in pixels.
        symmetries: ``"rotations"`` (the four that the release can draw) or ``"dihedral"``.
        generator: on the CPU.
    """
    count = len(images)
    base = random_affine(count, degrees=BASE_DEGREES, area=CROP_AREA, generator=generator)
    turns = [uniform(count, -VIEW_DEGREES, VIEW_DEGREES, generator) for _ in range(2)]
    codes = torch.tensor(SYMMETRY_SETS[symmetries])
    symmetry = codes[torch.randint(len(codes), (count,), generator=generator)].to(images.device)
    affines = [base.turned(turn) for turn in turns]
    values = to_float(images)
    both = torch.cat([affine.sample(values, crop) for affine in affines])
    first, second = normalise(jitter_colour(both, generator)).chunk(2)
    return ViewPair(first, apply_symmetry(second, symmetry), symmetry, *affines)


def draw_labelled(images: Tensor, masks: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    """Flips and rotation +-180 degrees, the same for an image and its mask (transfer training).

    Args:
        images: (B, C, H, H) uint8.
        masks: (B, H, H) uint8 in {0, 1}.
        generator: on the CPU.

    Returns:
        (B, C, H, H) float normalised, (B, 1, H, H) float in {0, 1}; outside the turned image both
        are 0 before normalisation.
    """
    size = images.shape[-1]
    affine = random_affine(len(images), degrees=BASE_DEGREES, area=(1.0, 1.0), generator=generator)
    turned = affine.sample(to_float(images), size)
    return normalise(turned), affine.sample(masks[:, None].float(), size, mode="nearest")
