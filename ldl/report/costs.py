"""What a step of each method costs: counted, not timed, so it is the same on every machine."""

from dataclasses import dataclass
from functools import cache

from ldl.engine.profiles import PROFILES
from ldl.methods import COMPARISONS
from ldl.runs.pretrain import EncoderConfig
from ldl.tables.encoders import config_of
from ldl.train.estimate import counted, noise_stage

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
    stage = noise_stage(_config(method), PROFILE.batch)
    flop, _ = counted(lambda: stage.losses(stage.net).values())
    parameters = sum(one.numel() for one in stage.net.parameters() if one.requires_grad)
    return Cost(stage.sampler.batch, flop, parameters)


def _config(method: str) -> EncoderConfig:
    """What the profile plans for ``method``."""
    config = config_of(method, "fundus", PROFILE.name)  # type: ignore[arg-type]
    return config.model_copy(update={"backbone": "vit"}) if method in ON_VIT else config
