"""Models Genesis: a network restores what was spoilt (Zhou et al., MICCAI 2019), in 2-D."""

from typing import Any

import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from ldl.config import Strict
from ldl.data.colour import normalise, to_float
from ldl.data.recipes import Rates, spoil
from ldl.data.sampling import random_boxes
from ldl.errors import ConfigError
from ldl.methods.base import Comparison, Outcome, Step
from ldl.models.backbones import pooled
from ldl.models.blocks import Decoder, initialise, stack
from ldl.runs.pretrain import BorderName, ComparisonConfig
from ldl.sphere import full_precision


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
        """Zhou et al. 2019 and the authors' configuration: how often each change is made."""

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
        rates = Rates(knobs.intensity, knobs.shuffle, knobs.paint, knobs.outside)
        restored, features = model(normalise(spoil(whole, rates, given.generator)))
        loss = F.mse_loss(full_precision(restored), whole.to(full_precision(restored).dtype))
        return Outcome({"restore": loss}, features.detach())
