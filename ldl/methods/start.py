"""Starts that are not trained here: chance, and what others trained."""

from typing import Any

from torch import Generator, Tensor, nn

from ldl.errors import TrainingError
from ldl.methods.comparison import Batch, Comparison, Outcome, encoder_of
from ldl.models.backbones import pooled
from ldl.runs.pretrain import ComparisonConfig


class StartNet(nn.Module):
    """An encoder alone."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, S, S) -> (B, channels[-1])."""
        return pooled(self.encoder(images))


class RandomInit(Comparison):
    """The encoder's own initialisation. What a method learns is what it has beyond this."""

    title = "Random init"
    paper = "He et al., ICCV 2015 (initialisation)"
    level = "none"
    idea = "A network that has seen no image yet."
    trains = False

    def network(self, config: ComparisonConfig, images: int) -> nn.Module:
        """A new encoder."""
        return StartNet(encoder_of(config))

    def losses(
        self, model: Any, batch: Batch, config: ComparisonConfig, generator: Generator
    ) -> Outcome:
        """There are none.

        Raises:
            TrainingError: always.
        """
        raise TrainingError(f"{config.method} is a start that is not trained; give it no steps")
