"""Patch discrimination, LDL section 4.2 (Eq. 4-8), and hypersphere mixup, 4.4 (Eq. 13-18).

The loss of mixup is `patch_discrimination` on (mixed, target) pairs.
"""

import torch
from torch import Tensor

from ldl.errors import ConfigError
from ldl.losses.joint import check_formulation, check_temperature, joint_negative_log
from ldl.rng import sent
from ldl.sphere import full_precision, unit


def patch_discrimination(
    anchors: Tensor, positives: Tensor, *, temperature: float = 0.1, formulation: str = "released"
) -> Tensor:
    """Recognise each patch of one view among the patches of the other (Eq. 4-8).

    ``paper``: the anchors are the augmented patches, the candidates the N positives (the
    un-augmented patches, Eq. 4-5). ``released``: all 2N vectors are an anchor once, the candidates
    are the other 2N - 1 and carry no gradient (Ye et al. 2019). Both average over the anchors
    where Eq. 8 sums.

    Unit vectors (N, K) of the augmented patches and of the same patches in the first view, in the
    same order -> scalar, float32 (float64 for float64 input), at least 0.
    """
    check_formulation(formulation)
    check_temperature(temperature)
    if anchors.shape != positives.shape or anchors.ndim != 2 or len(anchors) == 0:
        raise ConfigError(
            f"anchors {tuple(anchors.shape)} and positives {tuple(positives.shape)} "
            "must both be (N, K) with N > 0"
        )
    anchors, positives = full_precision(anchors), full_precision(positives)
    number = torch.arange(len(anchors), device=anchors.device)
    if formulation == "paper":
        return joint_negative_log(anchors @ positives.T / temperature, number).mean()
    return _released(torch.cat([anchors, positives]), temperature)


def _released(both: Tensor, temperature: float) -> Tensor:
    similarity = (both @ both.detach().T / temperature).fill_diagonal_(-torch.inf)
    match = torch.arange(len(both), device=both.device).roll(len(both) // 2)
    return joint_negative_log(similarity, match).mean()


def _per_sample(weight: Tensor, like: Tensor) -> Tensor:
    return sent(weight, like).view(-1, *[1] * (like.ndim - 1))


def mixup_images(first: Tensor, second: Tensor, weight: Tensor) -> Tensor:
    """The virtual examples lambda x_n1 + (1 - lambda) x_n2 (B, C, H, W), lambda (B,) in 0..1."""
    share = _per_sample(weight, first)
    return share * first + (1 - share) * second


def mixup_target(first: Tensor, second: Tensor, weight: Tensor) -> Tensor:
    """Eq. 14: the same mix of the two images' patch vectors, back on the hypersphere.

    Eq. 14 is printed with ``(1 - lambda s)`` where ``(1 - lambda) s`` is meant. Unit vectors
    (B, P, K); the result carries no gradient: targets are not moved towards their mixture.
    """
    share = _per_sample(weight, first)
    return unit(share * first + (1 - share) * second).detach()
