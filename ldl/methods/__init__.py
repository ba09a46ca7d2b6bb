"""One file a pretraining method; reading it is knowing it."""

from ldl.methods.common import Losses, Method
from ldl.methods.pd import PatchDiscrimination
from ldl.methods.pd_mix import PatchDiscriminationMixup
from ldl.methods.rd import RegionDiscrimination

METHODS: dict[str, Method] = {
    "pd": PatchDiscrimination(),
    "pd+mix": PatchDiscriminationMixup(),
    "rd": RegionDiscrimination(),
}

__all__ = ["METHODS", "Losses", "Method"]
