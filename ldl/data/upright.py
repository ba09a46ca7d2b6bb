"""Crops that stay upright, for tasks whose answer is the geometry itself."""

import torch
from torch import Generator, Tensor

from ldl.data.sampling import Affine


def boxes(half: Tensor, centre: Tensor, mirrored: Tensor | None = None) -> Affine:
    """Square boxes of an image, not turned.

    Args:
        half: (B,) half the box's side, in units of half the image's side.
        centre: (B, 2) x and y in -1..1.
        mirrored: (B,) bool, whether left and right change places; none by default.
    """
    sign = torch.ones(len(half)) if mirrored is None else 1 - 2 * mirrored.float()
    linear = torch.diag_embed(torch.stack([half * sign, half], dim=-1))
    return Affine(torch.cat([linear, centre[:, :, None]], dim=2))


def random_boxes(count: int, *, share: float, mirror: float, generator: Generator) -> Affine:
    """Boxes of one size anywhere within the image.

    Args:
        count: B.
        share: the box's side over the image's, above 0 and at most 1.
        mirror: probability that left and right change places.
        generator: on the CPU.
    """
    centre = (2 * torch.rand(count, 2, generator=generator) - 1) * (1 - share)
    mirrored = torch.rand(count, generator=generator) < mirror
    return boxes(torch.full((count,), share), centre, mirrored)
