"""Models Genesis: a network restores what was spoilt (Zhou et al., MICCAI 2019), in 2-D."""

from typing import Any

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Generator, Tensor, nn

from ldl.config import Strict
from ldl.data.colour import normalise, to_float
from ldl.data.sampling import random_boxes, uniform
from ldl.errors import ConfigError
from ldl.methods.base import Comparison, Outcome, Step
from ldl.models.backbones import pooled
from ldl.models.blocks import Decoder, initialise, stack
from ldl.rng import sent
from ldl.runs.pretrain import BorderName, ComparisonConfig
from ldl.sphere import full_precision

# Values, rates and sides of Models Genesis are those of the authors' code.
LEVELS = 256
_POINTS = 1024
# At most this many windows are painted; each after the first comes with this probability.
WINDOWS, ANOTHER = 5, 0.95
# Windows keep this many pixels from the image's edge.
BORDER = 3


class GenesisNet(nn.Module):
    """A U-Net: encoder, decoder, and a last block that gives values in 0..1."""

    def __init__(
        self, encoder: nn.Module, widths: list[int], channels: int, border: BorderName = "zeros"
    ) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, Decoder(widths, border)
        block = stack([self.decoder.out_channels, widths[0]], border)
        self.restore = nn.Sequential(block, nn.Conv2d(widths[0], channels, 1))
        initialise(self.restore)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, S, S) -> restored (B, C, S, S) in 0..1, and features (B, channels[-1])."""
        features = self.encoder(images)
        restored = self.restore(self.decoder(features))
        # The finest map of a ResNet has half the image's side.
        if restored.shape[-1] != images.shape[-1]:
            restored = F.interpolate(restored, size=images.shape[-2:], mode="bilinear")
        return restored.sigmoid(), pooled(features)


class Genesis(Comparison):
    """Shuffled pixels, changed intensities, noise painted in or around: all is to be undone.

    The original is 3-D on chest CT; the authors' 2-D code for chest films has the same changes.
    Colour images go through one curve in all channels. The encoder alone is transferred, as from
    all methods here; the original transfers its decoder, too. Pixels are shuffled within one
    random tiling of the image. Nothing is changed for our scale.
    """

    title = "Models Genesis"
    paper = "Zhou et al., MICCAI 2019"
    level = "pixel"
    idea = "A network restores an image whose pixels were shuffled, recoloured and painted over."

    class Knobs(Strict):
        """Zhou et al. 2019 and the authors' configuration: how often each change is made.

        ``outside`` is the share of paintings outside rather than inside.
        """

        intensity: float = Field(default=0.9, ge=0, le=1)
        shuffle: float = Field(default=0.5, ge=0, le=1)
        paint: float = Field(default=0.9, ge=0, le=1)
        outside: float = Field(default=0.8, ge=0, le=1)
        flip: float = Field(default=0.4, ge=0, le=1)

    def around(self, encoder: Any, knobs: Any, config: ComparisonConfig, images: int) -> nn.Module:
        if config.backbone == "vit":
            raise ConfigError("genesis restores by a U-Net: use backbone 'vgg' or 'resnet50'")
        if config.backbone == "resnet50" and config.crop % 32:
            raise ConfigError(
                f"crop is {config.crop}; genesis on 'resnet50' needs a multiple of 32"
            )
        return GenesisNet(encoder, encoder.channels, config.channels, config.border)

    def step(self, model: Any, given: Step) -> Outcome:
        """Mean squared error of the restored values."""
        knobs, size = given.knobs, given.images.shape[-1]
        affine = random_boxes(
            len(given.images),
            share=given.config.crop / size,
            mirror=knobs.flip,
            generator=given.generator,
        )
        whole = affine.sample(to_float(given.images), given.config.crop)
        restored, features = model(normalise(spoil(whole, knobs, given.generator)))
        loss = F.mse_loss(full_precision(restored), whole.to(full_precision(restored).dtype))
        return Outcome({"restore": loss}, features.detach())


def spoil(images: Tensor, rates: Any, generator: Generator) -> Tensor:
    """Local shuffling, a change of intensities, painting, each at its rate (`Genesis.Knobs`).

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
