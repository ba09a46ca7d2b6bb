"""The confidence of the clustering, LDL Eq. 29."""

import math
from typing import Any

import torch
from torch import Tensor

from ldl.errors import ConfigError
from ldl.sphere import full_precision


def cluster_entropy(assignment: Tensor, *, base: float = 2) -> Tensor:
    """Eq. 29: mean binary entropy of every cluster probability (B, C, H, W) in 0..1.

    With the release's logarithm to base 2 it lies in 0..1; it is exactly 0 for hard assignments,
    with a finite gradient there.
    """
    if not base > 1:
        raise ConfigError(f"base is {base}; the logarithm's base must be above 1")
    nats: Tensor = _BinaryEntropy.apply(full_precision(assignment))
    return nats / math.log(base)


class _BinaryEntropy(torch.autograd.Function):
    """Mean of -p log p - (1 - p) log (1 - p), keeping one map of its five for the gradient.

    p * log(max(p, tiny)) is 0 at p = 0 and its gradient there is log(tiny), not infinity.
    """

    @staticmethod
    def forward(ctx: Any, yes: Tensor) -> Tensor:
        tiny = torch.finfo(yes.dtype).eps ** 2
        no = 1 - yes
        log_yes, log_no = yes.clamp_min(tiny).log_(), no.clamp_min(tiny).log_()
        total = no.mul_(log_no).addcmul_(yes, log_yes).mean()
        # The other two terms of the derivative, p / p and (1 - p) / (1 - p), cancel.
        ctx.save_for_backward(log_no.sub_(log_yes))
        return -total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (odds,) = ctx.saved_tensors
        return odds * (gradient / odds.numel())
