"""What a discriminator and those who must fool it minimise (LDL section 6.2.1, Eq. 31-34)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from ldl.sphere import full_precision


def judge_loss(reference: Tensor, made: Tensor) -> Tensor:
    """Eq. 31-32, L_d: references are 1, made masks are 0; scores (N, 1), (M, 1) before the sigmoid.

    The sum of the two mean binary cross-entropies; 2 log 2 for a judge who cannot tell.
    """
    return _all_are(reference, 1.0) + _all_are(made, 0.0)


def fool_loss(made: Tensor) -> Tensor:
    """Eq. 34, L_adv: what was made should be taken for a reference; scores before the sigmoid.

    The mean of -log sigmoid(score), finite for any finite score.
    """
    return _all_are(made, 1.0)


def reference_penalty(scores: Tensor, reference: Tensor) -> Tensor:
    """R1 (Mescheder et al. 2018, Eq. 9) without its gamma / 2: how steep d is at reference masks.

    The mean over masks (N, 1, H, W), with gradient, of the squared norm of d's gradient, itself
    differentiable; the mean of a mask's scores (N, ...) is its score.
    """
    total = scores.flatten(1).mean(dim=1).sum()
    (slope,) = torch.autograd.grad(total, reference, create_graph=True)
    return full_precision(slope).square().flatten(1).sum(dim=1).mean()


def _all_are(scores: Tensor, truth: float) -> Tensor:
    scores = full_precision(scores)
    return F.binary_cross_entropy_with_logits(scores, torch.full_like(scores, truth))


def squares_judge(reference: Tensor, made: Tensor) -> Tensor:
    """The least-squares form of CycleGAN (Zhu et al. 2017, section 3 and 4), half the sum.

    Scores of real images and of translated ones, any shapes.
    """
    reference, made = full_precision(reference), full_precision(made)
    return ((reference - 1).square().mean() + made.square().mean()) / 2


def squares_fool(made: Tensor) -> Tensor:
    """The generator's part of it: the mean of (score - 1)^2."""
    return (full_precision(made) - 1).square().mean()
