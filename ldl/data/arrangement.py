"""Pairs of neighbouring patches (Doersch et al. 2015, section 3)."""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from ldl.data.sampling import Affine, uniform
from ldl.data.upright import boxes

# The eight places around a patch, x and y, in reading order.
PLACES = tuple((x, y) for y in (-1, 0, 1) for x in (-1, 0, 1) if (x, y) != (0, 0))
# Green and magenta are opposite ends of this direction of colour space.
_GREEN = (-1.0, 2.0, -1.0)


@dataclass(frozen=True)
class Pair:
    """Where both patches lie, and the (B,) int64 number in ``PLACES`` of the second."""

    middle: Affine
    neighbour: Affine
    place: Tensor


def sides(gap: float, jitter: float) -> float:
    """How many sides of a patch the whole arrangement takes."""
    return 3 + 2 * gap + 2 * jitter


def draw_pair(
    count: int, *, gap: float, jitter: float, smallest: float, generator: Generator
) -> Pair:
    """A middle patch and one of its eight neighbours, anywhere within the image.

    Args:
        count: B.
        gap: between neighbours, in sides of a patch, so that no line runs on from one to the other.
        jitter: how far each patch is moved along x and y, uniform up to this many sides.
        smallest: the arrangement takes at least this share of the image's side, at most all of it.
        generator: on the CPU.
    """
    share = uniform(count, smallest, 1.0, generator)[:, None]
    # The image is 2 wide in its own coordinates, so this is half a side.
    half = share / sides(gap, jitter)
    at = (2 * torch.rand(count, 2, generator=generator) - 1) * (1 - share)
    place = torch.randint(len(PLACES), (count,), generator=generator)
    away = torch.tensor(PLACES)[place] * 2 * half * (1 + gap)
    moved = (2 * torch.rand(2, count, 2, generator=generator) - 1) * 2 * half * jitter
    flat = half[:, 0]
    return Pair(boxes(flat, at + moved[0]), boxes(flat, at + away + moved[1]), place)


def without_green(images: Tensor) -> Tensor:
    """Take the green-magenta direction out of the colours, so that aberration tells no position.

    Args:
        images: (B, 3, H, W) float; one channel passes as it is.
    """
    if images.shape[1] == 1:
        return images
    direction = torch.tensor(_GREEN).to(images)
    along = torch.einsum("bchw,c->bhw", images, direction) / direction.square().sum()
    return images - along[:, None] * direction.view(1, -1, 1, 1)
