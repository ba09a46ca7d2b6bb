"""From clustered pixels to pseudo labels and the loss they weigh (LDL section 5.1, Eq. 20-23)."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ldl.errors import ConfigError
from ldl.losses.joint import check_temperature
from ldl.sphere import full_precision


def clustered(embedding: Tensor, regions: Tensor, *, temperature: float = 0.2) -> Tensor:
    """Eq. 20: r*_n, each pixel's probability of belonging to each region of its own image.

    Unit vectors v_n (B, K, H, W) and t_nc of Eq. 9 (B, C, K) -> (B, C, H, W), which sums to 1
    over C.
    """
    check_temperature(temperature)
    if regions.ndim != 3 or embedding.shape[:2] != (len(regions), regions.shape[2]):
        raise ConfigError(
            f"regions {tuple(regions.shape)} must be (B, C, K) beside an embedding "
            f"{tuple(embedding.shape)} of (B, K, H, W)"
        )
    similarity = regions @ full_precision(embedding).flatten(2).to(regions.dtype)
    return (similarity / temperature).softmax(dim=1).unflatten(2, embedding.shape[2:])


def pseudo_labels(probabilities: Tensor) -> Tensor:
    """Eq. 21: r**, 1 where the mean of r* (E, ...) over augmentations is above one half."""
    return (probabilities.mean(dim=0) > 0.5).to(probabilities.dtype)


def uncertainty(probabilities: Tensor) -> Tensor:
    """Eq. 22: u, the mean over augmentations of the entropy of r* (E, ...), in 0..log 2 nats.

    The print closes a bracket one factor too late, (1 - r log(1 - r)); the entropy is meant.
    """
    yes = full_precision(probabilities)
    no = 1 - yes
    tiny = torch.finfo(yes.dtype).eps ** 2
    entropy = -(yes * yes.clamp_min(tiny).log() + no * no.clamp_min(tiny).log())
    return entropy.mean(dim=0)


def pixel_weights(doubt: Tensor, weight: str) -> Tensor:
    """How much a pixel of doubt u (Eq. 22) counts in Eq. 23, in 0..1.

    ``"uncertain"`` is u as printed, over its largest value log 2: pixels in doubt count more.
    ``"confident"`` is one minus that. ``"even"`` is 1, the row Refine.
    """
    share = doubt / math.log(2)
    if weight == "even":
        return torch.ones_like(share)
    if weight == "uncertain":
        return share
    if weight == "confident":
        return 1 - share
    raise ConfigError(f"weight is {weight!r}; use 'even', 'uncertain' or 'confident'")


def weighted_cross_entropy(scores: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Eq. 23, L_wbce, with the mean over pixels where it prints a sum.

    Scores before the sigmoid, labels 0 or 1 and weights of one shape; with weights of 1 it is the
    binary cross-entropy.
    """
    if not scores.shape == labels.shape == weights.shape:
        raise ConfigError(
            f"scores {tuple(scores.shape)}, labels {tuple(labels.shape)} and weights "
            f"{tuple(weights.shape)} differ in shape"
        )
    scores = full_precision(scores)
    labels, weights = labels.to(scores.dtype), weights.to(scores.dtype)
    return F.binary_cross_entropy_with_logits(scores, labels, weight=weights)
