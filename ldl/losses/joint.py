"""The joint probability of a right classification (LDL Eq. 6, 11, 16) in log space."""

from typing import Any

import torch
from torch import Tensor

from ldl.errors import ConfigError


def check_temperature(temperature: float) -> None:
    """Refuse a temperature that is not positive."""
    if not temperature > 0:
        raise ConfigError(f"temperature is {temperature}; it must be above 0")


def check_formulation(formulation: str) -> None:
    """Refuse a formulation other than ``released`` and ``paper``."""
    if formulation not in ("released", "paper"):
        raise ConfigError(f"formulation is {formulation!r}; use 'released' or 'paper'")


def log_miss(logits: Tensor, log_probability: Tensor) -> Tensor:
    """(N, M) log(1 - P) for logits (N, M) and their log-softmax, exact also where P rounds to 1.

    Only the largest entry of a row can exceed 1/2; for it the other entries are summed instead
    of subtracting from one.
    """
    top = logits.argmax(dim=1, keepdim=True)
    everywhere = torch.zeros_like(logits, dtype=torch.bool).scatter_(1, top, True)
    floor = torch.finfo(logits.dtype).min / 4
    rest = torch.logsumexp(logits.masked_fill(everywhere, floor), dim=1, keepdim=True)
    top_miss = rest - torch.logsumexp(logits, dim=1, keepdim=True)
    # The inner fill keeps the unused branch away from log(0), whose gradient would be nan.
    safe = torch.log1p(-log_probability.masked_fill(everywhere, -1.0).exp())
    return torch.where(everywhere, top_miss, safe)


def joint_negative_log(logits: Tensor, match: Tensor) -> Tensor:
    """(N,) of -log P(match) - sum over the rest of log(1 - P): Eq. 7, 12 and 17 for each row.

    Logits (N, M) are similarities over temperature, -inf for no candidate; match (N,) int64 is the
    right column. The value is finite with its gradient for finite logits.
    """
    value: Tensor = _Joint.apply(logits, match[:, None])
    return value


class _Joint(torch.autograd.Function):
    """The value and its derivative written out: a third of the time of their twenty operations.

    With t the largest column, m the match and e = exp(logits) over the largest of the others,
    P = e a / (1 + sum e a) for all but t, where a <= 1 and sum e >= 1: nothing overflows, and 1 - P
    of t is the sum of the others.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, match: Tensor) -> Tensor:
        most, top = logits.max(dim=1, keepdim=True)
        others = logits.scatter(1, top, -torch.inf)
        second = others.amax(dim=1, keepdim=True).clamp_min(torch.finfo(logits.dtype).min)
        weight = others.sub_(second).exp_()
        rest = weight.sum(dim=1, keepdim=True)
        lead = most - second
        log_total = torch.log1p(rest * (-lead).exp())
        scale = (-lead - log_total).exp()
        top_wrong = top != match
        right = logits.gather(1, match) - most - log_total
        wrong = torch.mul(weight, -scale).log1p_().scatter_(1, match, 0.0).sum(dim=1, keepdim=True)
        wrong = wrong + torch.where(top_wrong, rest.log() - lead - log_total, 0.0)
        ctx.save_for_backward(weight, rest, scale, (-log_total).exp(), top, match, top_wrong)
        return -(right + wrong).squeeze(1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """d/ds_k = P_k - [k = m] + sum over j != m of P_j / (1 - P_j) ([j = k] - P_k)."""
        weight, rest, scale, top_share, top, match, top_wrong = ctx.saved_tensors
        share = weight * scale
        odds = share.div_(1 - share).scatter_(1, match, 0.0)
        total = odds.sum(dim=1, keepdim=True) - 1
        of_top = torch.where(top_wrong, top_share / rest, 0.0)
        slope = odds.sub_(weight * (total * scale + of_top))
        slope.scatter_(1, top, top_share * (top_wrong.to(total) - total))
        slope.scatter_add_(1, match, slope.new_full(match.shape, -1.0))
        return slope.mul_(gradient[:, None]), None
