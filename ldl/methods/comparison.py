"""What every comparison method offers, and what it is given at each step."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Generator, Tensor, nn

from ldl.config import Strict, build
from ldl.data.colour import normalise, to_float
from ldl.data.elastic import random_elastic
from ldl.data.recipes import Recipe, draw_view
from ldl.methods.common import Losses
from ldl.models.backbones import backbone
from ldl.runs.lrc import GlobalConfig
from ldl.runs.pretrain import ComparisonConfig


@dataclass(frozen=True)
class Batch:
    """What a step is given; the method makes its own views.

    Attributes:
        images: (B, C, H, H) uint8 on the device.
        rows: (B,) int64 on the CPU, which training images these are.
        labels: (B,) int64 on the device, for methods that need them.
    """

    images: Tensor
    rows: Tensor
    labels: Tensor | None = None


@dataclass(frozen=True)
class Outcome:
    """Named scalar losses, whose sum is minimised, and (B, D) vectors to watch for collapse."""

    losses: Losses
    vectors: Tensor


class NoKnobs(Strict):
    """A method without hyperparameters of its own."""


class Comparison(ABC):
    """A comparison method: how its network is built, what it minimises, what follows a step.

    Attributes:
        title: as the tables name it.
        paper: whom it follows.
        level: what is contrasted or predicted: image, patch, pixel, region.
        idea: one sentence for the book.
        Knobs: hyperparameters, the original's values as defaults; `ldl.runs.originals` has what our
            scale puts in their place.
        labels: whether a step needs labels.
        on_ranks: whether its losses see the whole batch when each rank has a part, see `ldl.ranks`.
        trains: False for starts that are not pretrained here.
        floor: of its losses' sum.
    """

    title: ClassVar[str]
    paper: ClassVar[str]
    level: ClassVar[str]
    idea: ClassVar[str]
    Knobs: ClassVar[type[Strict]] = NoKnobs
    labels: ClassVar[bool] = False
    on_ranks: ClassVar[bool] = False
    trains: ClassVar[bool] = True
    floor: ClassVar[float] = 0.0

    def knobs(self, config: ComparisonConfig) -> Any:
        """The hyperparameters: the original's, or what ``config.knobs`` puts in their place.

        Raises:
            ConfigError: a knob that the method does not have, or a value it cannot have.
        """
        return build(self.Knobs, dict(config.knobs))

    @abstractmethod
    def network(self, config: ComparisonConfig, images: int) -> nn.Module:
        """A new network for ``images`` training images; its attribute ``encoder`` transfers."""

    @abstractmethod
    def losses(
        self, model: Any, batch: Batch, config: ComparisonConfig, generator: Generator
    ) -> Outcome:
        """The losses of one step. ``model`` is the network as the device wants it called."""

    def begin(  # noqa: B027
        self,
        net: Any,
        draw: Callable[[], Batch],
        config: ComparisonConfig,
        generator: Generator,
    ) -> None:
        """What comes before the first step; ``draw`` gives batches as the steps get them."""

    def after_step(self, net: Any, config: ComparisonConfig, step: int) -> None:  # noqa: B027
        """What follows the ``step``-th update, counted from 1: moving a teacher, for instance."""


def two_views(
    images: Tensor, config: ComparisonConfig, first: Recipe, second: Recipe, generator: Generator
) -> tuple[Tensor, Tensor]:
    """The views that are each other's positives: (B, C, S, S) float each, normalised.

    By the recipes; or, where a config on CT says so, each slice as it is and its elastic transform
    (LRC section 2.1).

    Args:
        images: (B, C, H, H) uint8 on the device.
        config: of the run.
        first, second: how the method draws its views.
        generator: on the CPU.
    """
    if isinstance(config, GlobalConfig) and config.elastic:
        values = to_float(images)
        bent = random_elastic(len(values), config.elastic, generator).images(values)
        return normalise(values), normalise(bent)
    one, other = (draw_view(images, config.crop, by, generator).image for by in (first, second))
    return one, other


def encoder_of(config: ComparisonConfig) -> Any:
    """The encoder that ``config`` asks for, not trained: a `ldl.models.backbones.Backbone`."""
    return backbone(config.backbone, config.base, config.channels, config.border)
