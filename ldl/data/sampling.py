"""Affine sampling of a batch, each image with its own parameters."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from ldl.rng import sent


@dataclass(frozen=True)
class Affine:
    """Where each output pixel comes from: (B, 2, 3) in normalised coordinates (-1..1, x then y)."""

    matrix: Tensor

    def sample(self, images: Tensor, size: int, mode: str = "bilinear") -> Tensor:
        """(B, C, H, W) float -> (B, C, size, size); outside the image is 0 (black)."""
        shape = (len(images), images.shape[1], size, size)
        grid = F.affine_grid(sent(self.matrix, images), list(shape), align_corners=False)
        return F.grid_sample(images, grid, mode=mode, padding_mode="zeros", align_corners=False)

    def turned(self, degrees: Tensor) -> "Affine":
        """The same crop after a turn of the output about its centre by ``degrees`` (B,)."""
        angle = torch.deg2rad(degrees)
        turn = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], -1).view(-1, 2, 2)
        linear = self.matrix[:, :, :2] @ turn.to(self.matrix)
        return Affine(torch.cat([linear, self.matrix[:, :, 2:]], dim=2))


def uniform(count: int, low: float, high: float, generator: Generator) -> Tensor:
    """(count,) float32 on the CPU, uniform in [low, high)."""
    return torch.rand(count, generator=generator) * (high - low) + low


def random_affine(
    count: int,
    *,
    degrees: float,
    area: tuple[float, float],
    generator: Generator,
    widest: float = 4 / 3,
) -> Affine:
    """Flips, a rotation and a resized crop for each of ``count`` square images.

    Args:
        count: B.
        degrees: rotation is uniform in -degrees..degrees.
        area: the crop's share of the image, uniform between the two; its aspect ratio is
            log-uniform within 1/widest..widest as far as the crop still fits.
        generator: on the CPU, so that a seed means the same on every device.
        widest: largest aspect ratio.
    """
    share = uniform(count, *area, generator=generator)
    spread = torch.minimum(1 / share, torch.tensor(widest)).log()
    ratio = ((2 * torch.rand(count, generator=generator) - 1) * spread).exp()
    extent = torch.stack([(share * ratio).sqrt(), (share / ratio).sqrt()], -1).clamp_max(1)
    centre = (2 * torch.rand(count, 2, generator=generator) - 1) * (1 - extent)
    angle = uniform(count, -1, 1, generator) * math.radians(degrees)
    flip = (torch.rand(count, 2, generator=generator) < 0.5).float() * 2 - 1
    turn = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], -1).view(-1, 2, 2)
    frame = turn * flip[:, None, :]
    matrix = torch.cat([frame * extent[:, None, :], frame @ centre[:, :, None]], dim=2)
    return Affine(matrix)
