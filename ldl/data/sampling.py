"""The geometry of a batch, each image with its own: affine crops, boxes, symmetries.

A code of the square's eight symmetries is three bits: 1 transpose, 2 flip rows, 4 flip columns,
applied in that order and exactly undone.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from ldl.errors import ConfigError
from ldl.rng import sent

TRANSPOSE, FLIP_ROWS, FLIP_COLUMNS = 1, 2, 4
# Quarter turns only: the release's "flip" reverses both axes, so it is a half turn too.
ROTATIONS = (0, TRANSPOSE | FLIP_COLUMNS, FLIP_ROWS | FLIP_COLUMNS, TRANSPOSE | FLIP_ROWS)
DIHEDRAL = tuple(range(8))
SYMMETRY_SETS = {"rotations": ROTATIONS, "dihedral": DIHEDRAL}

Code = int | Tensor


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
        linear = self.matrix[:, :, :2] @ _turn(torch.deg2rad(degrees)).to(self.matrix)
        return Affine(torch.cat([linear, self.matrix[:, :, 2:]], dim=2))


def _turn(angle: Tensor) -> Tensor:
    """(B, 2, 2) rotations by (B,) radians."""
    return torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], -1).view(-1, 2, 2)


def uniform(count: int, low: float, high: float, generator: Generator) -> Tensor:
    """(count,) float32 on the CPU, uniform in [low, high)."""
    return torch.rand(count, generator=generator) * (high - low) + low


def random_affine(
    count: int, *, degrees: float, area: tuple[float, float], generator: Generator,
    widest: float = 4 / 3,
) -> Affine:  # fmt: skip
    """Flips, a rotation and a resized crop for each of ``count`` square images.

    The rotation is uniform in -degrees..degrees, the crop's share of the image in ``area``, its
    aspect ratio log-uniform within 1/widest..widest as far as the crop still fits. The generator is
    on the CPU, so that a seed means the same on every device.
    """
    share = uniform(count, *area, generator=generator)
    spread = torch.minimum(1 / share, torch.tensor(widest)).log()
    ratio = ((2 * torch.rand(count, generator=generator) - 1) * spread).exp()
    extent = torch.stack([(share * ratio).sqrt(), (share / ratio).sqrt()], -1).clamp_max(1)
    centre = (2 * torch.rand(count, 2, generator=generator) - 1) * (1 - extent)
    angle = uniform(count, -1, 1, generator) * math.radians(degrees)
    flip = (torch.rand(count, 2, generator=generator) < 0.5).float() * 2 - 1
    frame = _turn(angle) * flip[:, None, :]
    matrix = torch.cat([frame * extent[:, None, :], frame @ centre[:, :, None]], dim=2)
    return Affine(matrix)


def boxes(half: Tensor, centre: Tensor, mirrored: Tensor | None = None) -> Affine:
    """Square boxes of an image, not turned, left and right exchanged where ``mirrored`` (B,).

    ``half`` (B,) is half the side in units of half the image's, ``centre`` (B, 2) x, y in -1..1.
    """
    sign = torch.ones(len(half)) if mirrored is None else 1 - 2 * mirrored.float()
    linear = torch.diag_embed(torch.stack([half * sign, half], dim=-1))
    return Affine(torch.cat([linear, centre[:, :, None]], dim=2))


def random_boxes(count: int, *, share: float, mirror: float, generator: Generator) -> Affine:
    """Boxes of one size anywhere within the image.

    ``share`` is the side over the image's, in (0, 1], ``mirror`` the probability of a mirror image.
    """
    centre = (2 * torch.rand(count, 2, generator=generator) - 1) * (1 - share)
    mirrored = torch.rand(count, generator=generator) < mirror
    return boxes(torch.full((count,), share), centre, mirrored)


def apply_symmetry(x: Tensor, code: Code) -> Tensor:
    """Apply one symmetry to all maps (B, ..., H, W), or with (B,) int64 codes one to each.

    Where every code transposes the result is (B, ..., W, H).
    """
    return _flip(_transpose(x, code), code)


def undo_symmetry(x: Tensor, code: Code) -> Tensor:
    """The exact inverse of :func:`apply_symmetry` with the same code; same arguments."""
    return _transpose(_flip(x, code), code)


def _chosen(x: Tensor, code: Tensor, bit: int) -> Tensor:
    return (code & bit).bool().view(-1, *[1] * (x.ndim - 1))


def _flip(x: Tensor, code: Code) -> Tensor:
    for bit, dim in ((FLIP_ROWS, -2), (FLIP_COLUMNS, -1)):
        if not isinstance(code, int):
            x = torch.where(_chosen(x, code, bit), x.flip(dim), x)
        elif code & bit:
            x = x.flip(dim)
    return x


def _transpose(x: Tensor, code: Code) -> Tensor:
    if isinstance(code, int):
        if code not in DIHEDRAL:
            raise ConfigError(f"symmetry code {code}; use 0 to 7")
        return x.transpose(-1, -2) if code & TRANSPOSE else x
    if x.shape[-1] == x.shape[-2]:
        return torch.where(_chosen(x, code, TRANSPOSE), x.transpose(-1, -2), x)
    turned = (code & TRANSPOSE).bool()
    if turned.all():
        return x.transpose(-1, -2)
    if turned.any():
        raise ConfigError(
            f"maps of {x.shape[-2]}x{x.shape[-1]} cannot be transposed one by one in a batch; "
            "use square maps, or codes that all or none transpose"
        )
    return x
