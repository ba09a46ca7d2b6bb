"""The confidence of the clustering, LDL Eq. 29."""

import math

import torch
from torch import Tensor

from ldl.errors import ConfigError
from ldl.sphere import full_precision


def cluster_entropy(assignment: Tensor, *, base: float = 2) -> Tensor:
    """Eq. 29: mean binary entropy of every cluster probability over n, c, h and w.

    Args:
        assignment: (B, C, H, W) probabilities in 0..1.
        base: of the logarithm; the release uses 2 (so the value lies in 0..1).

    Returns:
        Scalar; exactly 0 for hard assignments, and with a finite gradient there.

    Raises:
        ConfigError: ``base`` is not above 1.
    """
    if not base > 1:
        raise ConfigError(f"base is {base}; the logarithm's base must be above 1")
    yes = full_precision(assignment)
    no = 1 - yes
    # p * log(max(p, tiny)) is 0 at p = 0 and its gradient there is log(tiny), not infinity.
    tiny = torch.finfo(yes.dtype).eps ** 2
    nats = yes * yes.clamp_min(tiny).log() + no * no.clamp_min(tiny).log()
    return -nats.mean() / math.log(base)
