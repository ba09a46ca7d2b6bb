"""What a step of each method costs: counted, not timed, so it is the same on every machine."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from ldl.engine.profiles import PROFILES
from ldl.methods import COMPARISONS, METHODS
from ldl.rng import numpy_generator, seed_everything
from ldl.runs.pretrain import ComparisonConfig, EncoderConfig
from ldl.tables.encoders import Variant, comparison_config, ldl_config
from ldl.train.comparison import ComparisonStage
from ldl.train.feed import Feed
from ldl.train.pretrain import PretrainStage

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
    if method in COMPARISONS and not COMPARISONS[method].trains:
        return None
    stage = _stage(_config(method))
    counter = FlopCounterMode(display=False)
    # Attention is counted where it is two matrix products; the CPU's fused form is not.
    with counter, sdpa_kernel(SDPBackend.MATH):
        losses = stage.losses(stage.net)
        torch.stack(list(losses.values())).sum().backward()
    parameters = sum(weight.numel() for weight in stage.trainable())
    return Cost(stage.sampler.batch, counter.get_total_flops(), parameters)


def _config(method: str) -> EncoderConfig:
    """What the profile plans for ``method``."""
    variant = Variant(method, clusters=16 if method == "rd" else 0)  # type: ignore[arg-type]
    if method in METHODS:
        return ldl_config(variant, "fundus", PROFILE)
    config = comparison_config(variant, "fundus", PROFILE)
    return config.model_copy(update={"backbone": "vit"}) if method in ON_VIT else config


def _stage(config: EncoderConfig) -> ComparisonStage | PretrainStage:
    """A training ready for its first step, on noise."""
    seed_everything(config.seed, "cost", config.method)
    count = PROFILE.batch
    shape = (count, config.channels, config.data.size, config.data.size)
    noise = numpy_generator(config.seed, "cost").integers(0, 256, shape, dtype=np.uint8)
    feed, rows = Feed(noise, torch.device("cpu")), list(range(count))
    if isinstance(config, ComparisonConfig):
        net = COMPARISONS[config.method].network(config, count)
        return ComparisonStage(config, net, feed, rows, torch.zeros(count, dtype=torch.int64))
    return PretrainStage(config, METHODS[config.method].network(config), feed, rows)
