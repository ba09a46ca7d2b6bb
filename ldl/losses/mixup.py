"""Hypersphere mixup, LDL section 4.4 (Eq. 13-18).

The loss itself is :func:`ldl.losses.patch_discrimination` on (mixed, target) pairs.
"""

from torch import Tensor

from ldl.rng import sent
from ldl.sphere import unit


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
