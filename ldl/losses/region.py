"""Region discrimination, LDL section 4.3 (Eq. 10-12), and the clustering's confidence (Eq. 29)."""

import math
from typing import Any

import torch
from torch import Tensor

from ldl.errors import ConfigError
from ldl.losses.joint import check_formulation, check_temperature, joint_negative_log
from ldl.sphere import full_precision, unit


def prototypes(regions: Tensor) -> Tensor:
    """Eq. 10: t_nc (B, C, K) -> T_c (C, K), the normalised mean over the batch, with gradient."""
    return unit(full_precision(regions).mean(dim=0))


def region_discrimination(
    regions: Tensor, *, temperature: float = 0.2, formulation: str = "released"
) -> Tensor:
    """Recognise each region's vector t_nc as its prototype T_c among the C prototypes (Eq. 11-12).

    ``paper``: the joint probability with the product over (1 - P) of the wrong prototypes.
    ``released``: -log P(c | t_nc) alone. Both average over n and c where Eq. 12 sums.
    Unit vectors (B, C, K) -> scalar, float32 (float64 for float64 input), at least 0.
    """
    check_formulation(formulation)
    check_temperature(temperature)
    if regions.ndim != 3 or regions.shape[0] == 0 or regions.shape[1] == 0:
        raise ConfigError(f"regions {tuple(regions.shape)} must be (B, C, K) with B, C > 0")
    regions = full_precision(regions)
    batch, clusters, _ = regions.shape
    logits = (regions @ prototypes(regions).T / temperature).flatten(0, 1)
    match = torch.arange(clusters, device=regions.device).repeat(batch)
    if formulation == "paper":
        return joint_negative_log(logits, match).mean()
    return torch.nn.functional.cross_entropy(logits, match)


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
