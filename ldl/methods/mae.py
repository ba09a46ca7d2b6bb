"""MAE: a Vision Transformer sees a quarter of the patches and draws the rest (He et al. 2022)."""

from typing import Any, Self

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor, nn

from ldl.compat import import_lightly
from ldl.config import Strict
from ldl.data.recipes import Recipe
from ldl.errors import ConfigError
from ldl.methods.base import Comparison, Outcome, Step
from ldl.rng import sent
from ldl.runs.pretrain import ComparisonConfig
from ldl.sphere import full_precision

# Crops and flips alone (its Table 1e).
CROPS = Recipe(area=(0.2, 1.0), jitter=0.0, gray=0.0)


class MAENet(nn.Module):
    """A ViT that sees the visible patches only, and a narrow decoder that sees all places."""

    def __init__(self, encoder: Any, knobs: Any, crop: int, channels: int) -> None:
        super().__init__()
        masked = import_lightly("models.modules.masked_vision_transformer_timm")
        decoders = import_lightly("models.modules.masked_vision_transformer_decoder_timm")
        # It gives the ViT the weights MAE starts from, and its fixed sine-cosine positions.
        masked.MaskedVisionTransformerTIMM(encoder.vit)
        self.encoder = encoder
        self.enter = nn.Linear(encoder.channels[-1], knobs.width)
        self.decoder = decoders.MaskedVisionTransformerDecoderTIMM(
            (crop // encoder.patch) ** 2, knobs.width, knobs.depth, knobs.heads
        )
        self.draw = nn.Linear(knobs.width, encoder.patch**2 * channels)
        for layer in (self.enter, self.draw):
            masked.init_weights(layer)

    def forward(self, images: Tensor, keep: Tensor, hide: Tensor) -> tuple[Tensor, Tensor]:
        """What hidden patches are taken to be, (B, M, pixels of a patch * C), and the mean token.

        Of images (B, C, S, S); (B, K) and (B, M) int64 say which patches are seen and which not.
        """
        tokens = self.encoder.tokens(images, keep)
        seen = self.enter(tokens)
        places = torch.cat([torch.zeros_like(keep[:, :1]), keep + 1], dim=1)
        blank = self.decoder.mask_token.to(seen.dtype)
        blank = blank.expand(len(seen), self.decoder.sequence_length, -1)
        whole = blank.scatter(1, places[..., None].expand_as(seen), seen)
        drawn = self.decoder(whole).take_along_dim(hide[..., None] + 1, dim=1)
        return self.draw(drawn), tokens[:, 1:].mean(dim=1)


class MAE(Comparison):
    """Three quarters of the patches are hidden; their normalised pixels are to be drawn.

    The encoder never sees the hidden ones. On small images patches have 8 pixels and not 16, see
    `ldl.models.backbones.ViT`. Changed for our scale: a smaller decoder; Adam without warm-up,
    where the original has AdamW and 800 epochs.
    """

    title = "MAE"
    paper = "He et al., CVPR 2022"
    level = "patch"
    idea = "A network draws the three quarters of an image that it was not shown."

    class Knobs(Strict):
        """He et al. 2022, section 4 and appendix A: 75 % hidden; 8 layers of 512 draw them."""

        hidden: float = Field(default=0.75, gt=0, lt=1)
        width: int = Field(default=512, ge=4, multiple_of=4)
        depth: int = Field(default=8, ge=1)
        heads: int = Field(default=16, ge=1)

        @model_validator(mode="after")
        def _consistent(self) -> Self:
            if self.width % self.heads:
                raise ValueError(f"heads {self.heads} must divide width {self.width}")
            return self

    def around(self, encoder: Any, knobs: Any, config: ComparisonConfig, images: int) -> nn.Module:
        if config.backbone != "vit":
            raise ConfigError(
                f"backbone is {config.backbone!r}; mae hides patches from a transformer: use 'vit'"
            )
        return MAENet(encoder, knobs, config.crop, config.channels)

    def step(self, model: Any, given: Step) -> Outcome:
        """Mean squared error on the hidden patches, each normalised by itself (section 3)."""
        images = given.view(CROPS).image
        patch, utils = model.encoder.patch, import_lightly("models.utils")
        shape = (len(images), (given.config.crop // patch) ** 2)
        order = sent(torch.rand(shape, generator=given.generator).argsort(dim=1), images)
        seen = max(1, int(shape[1] * (1 - given.knobs.hidden)))
        keep, hide = order[:, :seen], order[:, seen:]
        drawn, features = model(images, keep, hide)
        wanted = utils.normalize_mean_var(utils.patchify(images, patch))
        loss = F.mse_loss(full_precision(drawn), utils.get_at_index(wanted, hide))
        return Outcome({"draw": loss}, features.detach())
