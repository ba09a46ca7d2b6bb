"""A pretrained encoder to look at: its network, its record, and what to say about both."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ldl.config import MethodName, PretrainConfig, build
from ldl.data.colour import normalise
from ldl.data.tasks import Modality
from ldl.errors import ConfigError
from ldl.experiments.execute import ensure
from ldl.experiments.plan import Variant, ldl_config
from ldl.experiments.profiles import profile_named
from ldl.experiments.store import Record, RunStore
from ldl.methods import METHODS
from ldl.rng import seed_everything
from ldl.train import checkpoint
from ldl.train.probe import LARGEST_LATE_GAIN, LEAST_RETRIEVAL


@dataclass(frozen=True)
class Encoder:
    """A network in eval mode on the CPU, with its config and (if it was trained) its record."""

    config: PretrainConfig
    net: nn.Module
    record: Record | None

    @torch.no_grad()
    def outputs(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """(B, C, H, W) float in 0..1 -> embedding (B, K, H, W), assignment (B, C, H, W) or None."""
        embedding, assignment = self.net(normalise(images))
        return embedding, assignment

    def embed(self, images: Tensor) -> Tensor:
        """The embedding alone."""
        return self.outputs(images)[0]

    @property
    def words(self) -> str:
        """Where this encoder comes from, for a caption."""
        kind = "phantoms" if self.config.data.source == "phantom" else "real images"
        name = METHODS[self.config.method].title
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


def verdict(record: Record) -> str:
    """Retrieval before and after, the late gain, and whether both are enough (see the probe)."""
    text = (
        f"On held-out images the encoder finds {100 * record['retrieval']:.1f} % of the patches "
        f"among {record['retrieval_among']} ({100 * record['retrieval_before']:.1f} % before "
        f"training); the last fifth of the steps brought {100 * record['late_gain']:.1f} % of the "
        "loss's whole fall."
    )
    if record["trained"]:
        return text + " That is far enough to be used."
    return (
        f"{text} That **falls short** of what this book asks for ({100 * LEAST_RETRIEVAL:.0f} % "
        f"found, at most {100 * LARGEST_LATE_GAIN:.0f} % of the fall in the last fifth): rows made "
        "from this encoder are marked with † in the tables."
    )


def config_of(
    method: MethodName, modality: Modality, profile: str, seed: int = 0, **knobs: Any
) -> PretrainConfig:
    """The pretraining that ``profile`` plans for ``method``; ``knobs`` replace fields of it.

    Raises:
        ConfigError: unknown profile or method, or a value that a field cannot have.
    """
    if method not in METHODS:
        raise ConfigError(f"unknown method {method!r}; use one of {', '.join(METHODS)}")
    variant = Variant(method, clusters=16 if method == "rd" else 0)
    config = ldl_config(variant, modality, profile_named(profile), seed)
    return with_knobs(config, **knobs)


def with_knobs(config: PretrainConfig, **knobs: Any) -> PretrainConfig:
    """``config`` with other values of some fields, its step 1 too where the knob is not Rd's own.

    Raises:
        ConfigError: an unknown field, or a value it cannot have.
    """
    if not knobs:
        return config
    fields = {name: getattr(config, name) for name in PretrainConfig.model_fields}
    if config.step1 is not None:
        shared = {name: value for name, value in knobs.items() if name != "clusters"}
        fields["step1"] = with_knobs(config.step1, **shared)
    return build(PretrainConfig, fields | knobs)


def load(config: PretrainConfig, store: RunStore | None = None) -> Encoder:
    """The trained encoder of ``config``: from the store, which trains it if it is missing."""
    store = store or RunStore()
    record = ensure(config, store, weights=True)
    net = METHODS[config.method].network(config)
    net.load_state_dict(checkpoint.load(store.weights(config))[0])
    return Encoder(config, net.eval(), record)


def pretrained(method: MethodName, modality: Modality, *, profile: str, seed: int = 0) -> Encoder:
    """The encoder that ``profile`` plans for ``method``."""
    return load(config_of(method, modality, profile, seed))


def untrained(config: PretrainConfig) -> Encoder:
    """The same network as it was before its first step."""
    seed_everything(config.seed, "initialise", config.method)
    return Encoder(config, METHODS[config.method].network(config).eval(), None)
