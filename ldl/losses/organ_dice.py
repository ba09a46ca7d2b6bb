"""The loss of fine-tuning: Dice over organs, LRC section 2.2."""

import torch.nn.functional as F
from torch import Tensor

from ldl.errors import ConfigError
from ldl.sphere import full_precision


def organ_dice(probability: Tensor, label: Tensor) -> Tensor:
    """1 - mean over the organs of 2 sum p_k y_k / (sum p_k + sum y_k), sums over the whole batch.

    The paper says "Dice loss as in usual multi-organ segmentation". Ours: background is no organ;
    organs that no slice of the batch shows are left out, since any constant added to keep their
    fraction finite teaches the network to give up rare organs first. A batch without any organ has
    loss 0 and a zero gradient.

    Args:
        probability: (B, 1 + K, H, W) float, a softmax over background and K organs.
        label: (B, H, W) integer, k for the k-th organ, 0 background.

    Returns:
        Scalar in 0..1, float32 (float64 for float64 input).

    Raises:
        ConfigError: shapes that do not fit each other.
    """
    if probability.ndim != 4 or probability.shape[1] < 2:
        raise ConfigError(f"probability {tuple(probability.shape)} must be (B, 1 + K, H, W), K > 0")
    if label.shape != probability[:, 0].shape:
        raise ConfigError(
            f"label {tuple(label.shape)} must be {tuple(probability[:, 0].shape)}, one for each "
            "pixel of probability"
        )
    probability = full_precision(probability)
    truth = F.one_hot(label.long(), probability.shape[1]).movedim(-1, 1).to(probability.dtype)
    overlap, found, there = (
        one[:, 1:].sum(dim=(0, 2, 3)) for one in (probability * truth, probability, truth)
    )
    present = there > 0
    # Where an organ is absent the fraction would be 0/0 at p = 0, whose gradient is no number.
    costs = 1 - 2 * overlap / (found + there).where(present, 1)
    return costs.where(present, 0).sum() / present.sum().clamp_min(1)
