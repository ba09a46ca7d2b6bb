"""The elastic transform T_e of LRC section 2.1: one smooth displacement for image and regions.

A cubic B-spline over a coarse grid of random control points, each image its own. The paper gives
neither kind nor strength; with this one both a bound and freedom from folds are certain.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from ldl.errors import ConfigError
from ldl.rng import sent
from ldl.runs.lrc import ElasticConfig
from ldl.sphere import full_precision


@dataclass(frozen=True)
class Elastic:
    """Where each output pixel comes from.

    ``control`` (B, 2, G, G) float32 are displacements of the control points, x then y, as a share
    of the image's side; G = cells + 3.
    """

    control: Tensor

    def displacement(self, height: int, width: int) -> Tensor:
        """(B, 2, H, W) float32 in pixels, x then y: output pixel p shows what lay at p + this.

        Without turn and shift never more than strength * W along x and strength * H along y.
        """
        cells = self.control.shape[-1] - 3
        rows, columns = (sent(_spline(side, cells), self.control) for side in (height, width))
        share = rows @ self.control @ columns.T
        return share * share.new_tensor([width, height]).view(2, 1, 1)

    def images(self, images: Tensor) -> Tensor:
        """(B, C, H, W) float -> the same, bilinear; what comes from outside is 0 (air)."""
        values = full_precision(images)
        source = self._source(values).to(values.dtype)
        extent = source.new_tensor([values.shape[-1], values.shape[-2]])
        grid = (2 * source + 1) / extent - 1
        return F.grid_sample(values, grid, padding_mode="zeros", align_corners=False)

    def regions(self, regions: Tensor) -> Tensor:
        """(B, H, W) integer ids -> the same type, nearest; what comes from outside is -1.

        Ids keep their meaning: regions that vanish are absent, no new ones arise.
        """
        if regions.dtype not in (torch.int8, torch.int16, torch.int32, torch.int64):
            raise ConfigError(f"regions are {regions.dtype}; use whole numbers with a sign")
        height, width = regions.shape[-2:]
        # Rounded as grid_sample rounds; its float32 would lose ids above 2^24.
        x, y = self._source(regions).round().long().unbind(-1)
        outside = (x < 0) | (x >= width) | (y < 0) | (y >= height)
        place = (y.clamp(0, height - 1) * width + x.clamp(0, width - 1)).flatten(1)
        moved = regions.flatten(1).gather(1, place).view_as(regions)
        return moved.masked_fill(outside, -1)

    def _source(self, maps: Tensor) -> Tensor:
        """(B, H, W, 2) pixel coordinates x, y for maps (B, ..., H, W); the first pixel is at 0."""
        height, width = maps.shape[-2:]
        x, y = (torch.arange(side, device=maps.device).float() for side in (width, height))
        here = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)
        # The control points travel to the device, not the field.
        field = Elastic(sent(self.control, maps)).displacement(height, width)
        return here + field.permute(0, 2, 3, 1)


class ElasticView(NamedTuple):
    """Bent images (B, C, H, W), their bent regions (B, H, W), and the geometry of both."""

    images: Tensor
    regions: Tensor
    elastic: Elastic


def draw_elastic(
    images: Tensor, regions: Tensor, config: ElasticConfig, generator: Generator
) -> ElasticView:
    """x_p = T_e(x_q) and R_p = T_e(R_q): the positive of each image and of each of its regions.

    Images (B, C, H, W) float, 0 for air, and regions (B, H, W) integer, -1 for none.
    """
    if regions.shape != images[:, 0].shape:
        raise ConfigError(f"regions {tuple(regions.shape)} do not fit images {tuple(images.shape)}")
    elastic = random_elastic(len(images), config, generator)
    return ElasticView(elastic.images(images), elastic.regions(regions), elastic)


def random_elastic(count: int, config: ElasticConfig, generator: Generator) -> Elastic:
    """A displacement for each of ``count`` images: control points uniform within the strength.

    A cubic B-spline repeats what is linear in place, so that a turn and a shift are displacements
    of its control points too, uniform within their bounds. The generator is on the CPU.
    """
    points = config.cells + 3
    control = 2 * torch.rand(count, 2, points, points, generator=generator) - 1
    control = control * config.strength
    if config.turn or config.shift:
        angle = (2 * torch.rand(count, 1, 1, generator=generator) - 1) * math.radians(config.turn)
        move = (2 * torch.rand(count, 2, 1, 1, generator=generator) - 1) * config.shift
        # From the image's centre, as a share of its side.
        place = (torch.arange(points) - 1) / config.cells - 0.5
        y, x = torch.meshgrid(place, place, indexing="ij")
        cos, sin = angle.cos(), angle.sin()
        turned = torch.stack([cos * x - sin * y - x, sin * x + cos * y - y], dim=1)
        control = control + turned + move
    return Elastic(control)


def _spline(side: int, cells: int) -> Tensor:
    """(side, cells + 3) weights of the control points at each pixel's centre; rows sum to 1."""
    place = (torch.arange(side, dtype=torch.float64) + 0.5) * cells / side
    point = torch.arange(cells + 3, dtype=torch.float64) - 1
    away = (place[:, None] - point).abs()
    near = (4 - 6 * away**2 + 3 * away**3) / 6
    far = (2 - away).clamp_min(0) ** 3 / 6
    return torch.where(away < 1, near, far)
