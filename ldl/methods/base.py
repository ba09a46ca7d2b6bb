"""What every method offers, and the pieces that several share."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from ldl.compat import import_lightly
from ldl.config import Strict, build
from ldl.data.colour import normalise, to_float
from ldl.data.elastic import random_elastic
from ldl.data.recipes import Recipe, View, draw_view
from ldl.data.sampling import undo_symmetry
from ldl.data.views import ViewPair
from ldl.losses.patch import patch_discrimination
from ldl.losses.vectors import patch_vectors
from ldl.models.backbones import backbone, pooled
from ldl.models.embedding import LocalDiscriminationNet
from ldl.ranks import gathered, mine, ranks
from ldl.rng import sent
from ldl.runs.lrc import GlobalConfig
from ldl.runs.pretrain import ComparisonConfig, FormulationName, PretrainConfig
from ldl.sphere import full_precision, unit

Losses = dict[str, Tensor]
# lambda ~ U(0.2, 0.8) in the release; the paper says (0, 1).
MIX_RANGE: dict[FormulationName, tuple[float, float]] = {
    "released": (0.2, 0.8),
    "paper": (0.0, 1.0),
}


class Named:
    """What a method says of itself.

    Attributes:
        title: as the tables name it.
        paper: whom it follows; of LDL's, the equations.
        level: what is contrasted or predicted: image, patch, pixel, region.
        idea: one sentence for the book.
        compared: whether it is one that the papers compare with.
        labels: whether a step needs labels.
        trains: False for starts that are not pretrained here.
        floor: of its losses' sum.
    """

    title: ClassVar[str]
    paper: ClassVar[str]
    level: ClassVar[str]
    idea: ClassVar[str] = ""
    compared: ClassVar[bool] = False
    labels: ClassVar[bool] = False
    trains: ClassVar[bool] = True
    floor: ClassVar[float] = 0.0


class Method(Named, ABC):
    """One of LDL's methods: what it minimises."""

    def network(self, config: PretrainConfig, images: int = 1) -> nn.Module:
        """A new network; it has an attribute ``encoder`` that transfers."""
        return embedding_network(config)

    @abstractmethod
    def losses(
        self, net: nn.Module, views: ViewPair, config: PretrainConfig, generator: Generator
    ) -> Losses:
        """Named scalar losses of one step; their sum is minimised."""


def embedding_network(config: PretrainConfig) -> LocalDiscriminationNet:
    """The network of LDL section 4.1 as ``config`` sizes it."""
    return LocalDiscriminationNet(
        config.base, config.channels, config.embedding, config.clusters, config.border
    )


def paired_patches(
    first: Tensor, second: Tensor, symmetry: Tensor, grid: int
) -> tuple[Tensor, Tensor]:
    """Patch vectors of both views in register (Eq. 3): two (B, grid * grid, K) float32, unit.

    Of embeddings (B, K, S, S), the second as turned by ``symmetry``, (B,) codes; grid is H_p = W_p.
    Pooling commutes with the symmetries of the square, so it is the (grid, grid) map that is
    turned back, not the pixels.
    """
    cells = F.adaptive_avg_pool2d(full_precision(second), grid)
    turned_back = undo_symmetry(cells, symmetry)
    return patch_vectors(first, grid), unit(turned_back.flatten(2).transpose(1, 2))


def mix_weights(
    pairs: int, generator: Generator, formulation: FormulationName = "released"
) -> Tensor:
    """(pairs,) lambda of Eq. 14, one a pair of images."""
    low, high = MIX_RANGE[formulation]
    return mine(torch.rand(ranks() * pairs, generator=generator) * (high - low) + low)


def recognised(anchors: Tensor, positives: Tensor, config: PretrainConfig) -> Tensor:
    """L_Pd, or L_Hm, over the whole batch: (B, P, K) unit vectors of the same patches, twice."""
    return patch_discrimination(
        gathered(anchors).flatten(0, 1),
        gathered(positives).flatten(0, 1),
        temperature=config.patch_temperature,
        formulation=config.formulation,
    )


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
class Step:
    """A batch, and by what its views are drawn; the generator is on the CPU."""

    batch: Batch
    config: ComparisonConfig
    knobs: Any
    generator: Generator

    @property
    def images(self) -> Tensor:
        return self.batch.images

    def view(self, recipe: Recipe) -> View:
        return draw_view(self.images, self.config.crop, recipe, self.generator)

    def two_views(self, first: Recipe, second: Recipe) -> tuple[Tensor, Tensor]:
        """The views that are each other's positives: (B, C, S, S) float each, normalised.

        By the recipes; or, where a config on CT says so, each slice as it is and its elastic
        transform (LRC section 2.1).
        """
        if isinstance(self.config, GlobalConfig) and self.config.elastic:
            values = to_float(self.images)
            bent = random_elastic(len(values), self.config.elastic, self.generator).images(values)
            return normalise(values), normalise(bent)
        return self.view(first).image, self.view(second).image


@dataclass(frozen=True)
class Outcome:
    """Named scalar losses, whose sum is minimised, and (B, D) vectors to watch for collapse."""

    losses: Losses
    vectors: Tensor


class NoKnobs(Strict):
    """A method without hyperparameters of its own."""


class Comparison(Named, ABC):
    """A comparison method: how its network is built, what it minimises, what follows a step.

    Attributes:
        Knobs: hyperparameters, the original's values as defaults; `ldl.runs.pretrain` has what our
            scale puts in their place.
        on_ranks: whether its losses see the whole batch when each rank has a part, see `ldl.ranks`.
    """

    compared = True
    Knobs: ClassVar[type[Strict]] = NoKnobs
    on_ranks: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        cls.Knobs.__name__ = f"{cls.__name__}Knobs" if "Knobs" in vars(cls) else cls.Knobs.__name__

    def knobs(self, config: ComparisonConfig) -> Any:
        """The hyperparameters: the original's, or what ``config.knobs`` puts in their place."""
        return build(self.Knobs, dict(config.knobs))

    def network(self, config: ComparisonConfig, images: int) -> nn.Module:
        """A new network for ``images`` training images; its attribute ``encoder`` transfers."""
        return self.around(encoder_of(config), self.knobs(config), config, images)

    @abstractmethod
    def around(self, encoder: Any, knobs: Any, config: ComparisonConfig, images: int) -> nn.Module:
        """The network around an encoder that is not trained yet."""

    def losses(
        self, model: Any, batch: Batch, config: ComparisonConfig, generator: Generator
    ) -> Outcome:
        """The losses of one step. ``model`` is the network as the device wants it called."""
        return self.step(model, Step(batch, config, self.knobs(config), generator))

    @abstractmethod
    def step(self, model: Any, given: Step) -> Outcome:
        """The same, of what the method needs."""

    def begin(self, net: Any, draw: Callable[[], Step], knobs: Any) -> None:
        """What comes before the first step; ``draw`` gives batches as the steps get them."""

    def after_step(self, net: Any, config: ComparisonConfig, step: int) -> None:
        """What follows the ``step``-th update, counted from 1: moving a teacher, for instance."""


def negative_cosine(prediction: Tensor, target: Tensor) -> Tensor:
    """-1 to 1, the mean over rows of (B, D); the target has no gradient."""
    loss: Tensor = import_lightly("loss").NegativeCosineSimilarity()(
        full_precision(prediction), full_precision(target).detach()
    )
    return loss


def encoder_of(config: ComparisonConfig) -> Any:
    """The encoder that ``config`` asks for, not trained: a `ldl.models.backbones.Backbone`."""
    return backbone(config.backbone, config.base, config.channels, config.border)


# MoCo shuffles the keys over GPUs, so that batch normalisation does not tell which belong to one
# batch. On one device the shuffled keys are normalised in this many parts; on more, each rank
# normalises its own.
KEY_PARTS = 2


class ProjectionNet(nn.Module):
    """An image's vector on the unit hypersphere; the head makes (B, D) of (B, channels[-1])."""

    def __init__(self, encoder: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.encoder, self.head = encoder, head

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, S, S) -> (B, D) float32 unit vectors."""
        return unit(self.head(pooled(self.encoder(images))))


class ClassifierNet(nn.Module):
    """One linear layer on the pooled features: the simplest question to ask of an encoder."""

    def __init__(self, encoder: nn.Module, features: int, classes: int) -> None:
        super().__init__()
        self.encoder, self.classify = encoder, nn.Linear(features, classes)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, S, S) -> scores (B, classes) and features (B, channels[-1])."""
        features = pooled(self.encoder(images))
        return self.classify(features), features


class MomentumNet(nn.Module):
    """Student and teacher (He et al. 2020): the teacher is a moving average without gradient."""

    def __init__(self, encoder: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.encoder, self.head = encoder, head
        self.teacher = nn.ModuleDict(copy.deepcopy({"encoder": encoder, "head": head}))
        import_lightly("models.utils").deactivate_requires_grad(self.teacher)

    def forward(self, first: Tensor, second: Tensor, order: Tensor) -> tuple[Tensor, Tensor]:
        """Two (B, C, S, S) -> query of the first, key of the second, (B, D) float32 unit vectors.

        ``order``, (B,) int64: the permutation in which keys are normalised.
        """
        query = unit(self.head(pooled(self.encoder(first))))
        return query, shuffled_keys(self.key, second, order)

    def key(self, images: Tensor) -> Tensor:
        """(B, C, S, S) -> (B, D) unit vectors of the teacher."""
        return unit(self.teacher["head"](pooled(self.teacher["encoder"](images))))

    def follow(self, momentum: float) -> None:
        """teacher <- momentum * teacher + (1 - momentum) * student, after an update (Eq. 2)."""
        update = import_lightly("models.utils").update_momentum
        update(self.encoder, self.teacher["encoder"], momentum)
        update(self.head, self.teacher["head"], momentum)


@torch.no_grad()
def shuffled_keys(encode, images: Tensor, order: Tensor):  # type: ignore[no-untyped-def]
    """``encode`` of (B, C, S, S) in shuffled parts, back in their own order.

    It makes a tensor, or a tuple of tensors, of b rows; ``order`` is a permutation, (B,) int64.
    """
    order = sent(order, images)
    parts = mine(order).chunk(max(1, KEY_PARTS // ranks()))
    keys = [encode(images[rows]) for rows in parts]
    if isinstance(keys[0], tuple):
        return tuple(gathered(torch.cat(k))[order.argsort()] for k in zip(*keys, strict=True))
    return gathered(torch.cat(keys))[order.argsort()]
