"""A pretrained encoder to look at: its network, its record, and what to say about both."""

from dataclasses import dataclass
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ldl.data.colour import normalise
from ldl.engine.execute import ensure
from ldl.engine.profiles import PROFILES
from ldl.engine.store import Record, RunStore
from ldl.errors import ConfigError
from ldl.methods import METHODS
from ldl.report.encoders import verdict
from ldl.rng import seed_everything
from ldl.runs.pretrain import (
    ComparisonConfig,
    ComparisonName,
    EncoderConfig,
    MethodName,
    PretrainConfig,
)
from ldl.tables.encoders import config_of
from ldl.tasks import Modality
from ldl.train import checkpoint
from ldl.train.estimate import counted, noise_stage


def title_of(method: str) -> str:
    """The name of a method in the tables."""
    return METHODS[method].title


@dataclass(frozen=True)
class Encoder:
    """A network in eval mode on the CPU, with its config and (if it was trained) its record.

    Attributes:
        net: LDL's whole network, or of a comparison method what is kept of it: the encoder.
    """

    config: EncoderConfig
    net: nn.Module
    record: Record | None

    @property
    def pixels(self) -> bool:
        """Whether it gives every pixel a vector; comparison methods keep no decoder."""
        return isinstance(self.config, PretrainConfig)

    @torch.no_grad()
    def features(self, images: Tensor) -> list[Tensor]:
        """(B, C, H, W) float in 0..1 -> the feature maps that transfer, (B, c_k, h_k, w_k) each."""
        encoder = self.net.encoder if self.pixels else self.net
        maps: list[Tensor] = encoder(normalise(images))  # type: ignore[operator]
        return maps

    @torch.no_grad()
    def outputs(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """(B, C, H, W) float in 0..1 -> embedding (B, K, H, W), assignment (B, C, H, W) or None.

        Raises:
            ConfigError: a comparison method, which has no embedding of pixels.
        """
        if not self.pixels:
            raise ConfigError(f"{title_of(self.config.method)} keeps no embedding of pixels")
        embedding, assignment = self.net(normalise(images))
        return embedding, assignment

    def embed(self, images: Tensor) -> Tensor:
        """The embedding alone."""
        return self.outputs(images)[0]

    def pixel_vectors(self, images: Tensor) -> Tensor:
        """(B, C, H, W) float in 0..1 -> (B, K, H, W) unit vectors: what each pixel has of its own.

        The embedding, or of a comparison method its deepest map, enlarged.
        """
        if self.pixels:
            return self.embed(images)
        deepest = self.features(images)[-1]
        return F.normalize(F.interpolate(deepest, size=images.shape[-2:], mode="bilinear"), dim=1)

    @property
    def pixel_words(self) -> str:
        """What :meth:`pixel_vectors` are, for a caption."""
        return "pixel embeddings" if self.pixels else "encoder's deepest feature maps, enlarged"

    @property
    def words(self) -> str:
        """Where this encoder comes from, for a caption."""
        kind = "phantoms" if self.config.data.source == "phantom" else "real images"
        name = title_of(self.config.method)
        if self.record is None:
            return f"Encoder: {name}, not trained."
        return (
            f"Encoder: {name}, {self.config.steps:,} steps on {self.record['data']['images']:,} "
            f"{kind}, width {self.config.base}, {self.config.crop} pixels, seed {self.config.seed}."
        )

    @property
    def verdict(self) -> str:
        """Whether the training was long enough to mean something, with the numbers."""
        return "" if self.record is None else verdict(self.record)


def load(config: EncoderConfig, store: RunStore | None = None) -> Encoder:
    """The trained encoder of ``config``: from the store, which trains it if it is missing."""
    store = store or RunStore()
    return _read(config, store, ensure(config, store, weights=True))


def at_hand(config: EncoderConfig, store: RunStore | None = None) -> Encoder | None:
    """The trained encoder if its record and weights are on this machine; nothing is trained."""
    store = store or RunStore()
    record = store.record(config)
    there = record is not None and store.weights(config).exists()
    return _read(config, store, record) if there else None


def _read(config: EncoderConfig, store: RunStore, record: Record | None) -> Encoder:
    net = _network(config)
    tensors = checkpoint.load(store.weights(config))[0]
    if isinstance(config, ComparisonConfig):
        tensors = checkpoint.under("encoder", tensors)
    net.load_state_dict(tensors)
    return Encoder(config, net.eval(), record)


def pretrained(
    method: MethodName | ComparisonName, modality: Modality, *, profile: str, seed: int = 0
) -> Encoder:
    """The encoder that ``profile`` plans for ``method``."""
    return load(config_of(method, modality, profile, seed))


def untrained(config: EncoderConfig) -> Encoder:
    """The same network as it was before its first step."""
    seed_everything(config.seed, "initialise", config.method)
    return Encoder(config, _network(config).eval(), None)


def _network(config: EncoderConfig) -> nn.Module:
    # The encoder is drawn first, so that the number of images it would remember does not matter.
    net = METHODS[config.method].network(config, 1)
    return net if isinstance(config, PretrainConfig) else net.encoder


# Whose sizes are counted, and the method that all others are compared with.
PROFILE, REFERENCE = PROFILES["demo"], "supervised"
# The methods that hide patches need a transformer; all others are counted on a VGG16.
ON_VIT = ("mae",)


@dataclass(frozen=True)
class Cost:
    """One step under the ``demo`` profile.

    Attributes:
        images: that the step draws from the bank.
        flop: of its convolutions and matrix products, forward and backward; a multiplication and
            the addition after it are two.
        parameters: that the optimizer moves: encoder and heads, no teacher.
    """

    images: int
    flop: int
    parameters: int

    @property
    def flop_an_image(self) -> float:
        """All rows of a table see equally many images, so that this is what compares them."""
        return self.flop / self.images


@cache
def cost_of(method: str) -> Cost | None:
    """The cost of a method's step; None for a start that is not trained."""
    if not METHODS[method].trains:
        return None
    stage = noise_stage(_config(method), PROFILE.batch)
    flop, _ = counted(lambda: stage.losses(stage.net).values())
    parameters = sum(one.numel() for one in stage.net.parameters() if one.requires_grad)
    return Cost(stage.sampler.batch, flop, parameters)


def _config(method: str) -> EncoderConfig:
    """What the profile plans for ``method``."""
    config = config_of(method, "fundus", PROFILE.name)  # type: ignore[arg-type]
    return config.model_copy(update={"backbone": "vit"}) if method in ON_VIT else config
