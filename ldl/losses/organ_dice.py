"""The losses of fine-tuning: Dice, LRC section 2.2, with and without background and entropy."""

import torch
import torch.nn.functional as F
from torch import Tensor

from ldl.errors import ConfigError
from ldl.sphere import full_precision


def organ_losses(name: str, probability: Tensor, label: Tensor) -> dict[str, Tensor]:
    """The terms of one loss, to be summed.

    ``organs`` is `organ_dice` alone, ``dice`` is `class_dice` alone, ``dice+ce`` is `class_dice`
    plus `entropy`, ``dice+wce`` plus `weighted_entropy`. The paper says "Dice loss as in usual
    multi-organ segmentation tasks", which ``dice`` is.

    Args:
        name: of the loss.
        probability: (B, 1 + K, H, W) float, a softmax over background and K organs.
        label: (B, H, W) integer, k for the k-th organ, 0 background.

    Returns:
        Scalars, float32 (float64 for float64 input).

    Raises:
        ConfigError: unknown name, or shapes that do not fit each other.
    """
    if name == "organs":
        return {"dice": organ_dice(probability, label)}
    if name == "dice":
        return {"dice": class_dice(probability, label)}
    if name == "dice+ce":
        return {"dice": class_dice(probability, label), "entropy": entropy(probability, label)}
    if name == "dice+wce":
        entropies = weighted_entropy(probability, label)
        return {"dice": class_dice(probability, label), "entropy": entropies}
    raise ConfigError(f"loss is {name!r}; use 'organs', 'dice', 'dice+ce' or 'dice+wce'")


def organ_dice(probability: Tensor, label: Tensor) -> Tensor:
    """1 - mean over the organs of 2 sum p_k y_k / (sum p_k + sum y_k), sums over the whole batch.

    Background is no class here, and organs that no slice of the batch shows are left out. So an
    organ that is rare may paint the background, and whole slices, at no cost: networks lose an
    organ or two that way. Kept for comparison. A batch without any organ has loss 0 and a zero
    gradient.

    Arguments and errors as `organ_losses`.

    Returns:
        Scalar in 0..1.
    """
    costs, present = _dice_of_each(probability, label)
    costs, present = costs[1:], present[1:]
    return costs.where(present, 0).sum() / present.sum().clamp_min(1)


def class_dice(probability: Tensor, label: Tensor) -> Tensor:
    """As `organ_dice`, with the background as one more class.

    Whatever an absent organ paints it takes from a class that is present, and that one pays. A
    constant that kept its own fraction finite would teach to give up rare organs first.

    Arguments and errors as `organ_losses`.

    Returns:
        Scalar in 0..1.
    """
    costs, present = _dice_of_each(probability, label)
    return costs.where(present, 0).sum() / present.sum()


def entropy(probability: Tensor, label: Tensor) -> Tensor:
    """Cross-entropy, -log p of the true class, mean over pixels; arguments as `organ_losses`.

    The logarithm's and the softmax's gradients cancel, so that pixels far off keep theirs.
    """
    return F.nll_loss(_log(probability, label), label.long())


def weighted_entropy(probability: Tensor, label: Tensor) -> Tensor:
    """Cross-entropy in which a class of n pixels in the batch weighs as root n, and not as n.

    Small organs have some thousandths of the pixels, and their Dice hardly a gradient before they
    are found at all: under a plain mean a short training gives them up.
    """
    logarithm = _log(probability, label)
    count = torch.bincount(label.long().flatten(), minlength=probability.shape[1])
    weight = count.clamp_min(1).to(logarithm.dtype).rsqrt()
    return F.nll_loss(logarithm, label.long(), weight=weight)


def _log(probability: Tensor, label: Tensor) -> Tensor:
    probability = _checked(probability, label)
    return probability.clamp_min(torch.finfo(probability.dtype).tiny).log()


def _dice_of_each(probability: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
    """(1 + K,) costs, no number where a class is absent and not found, and which are present."""
    probability = _checked(probability, label)
    truth = F.one_hot(label.long(), probability.shape[1]).movedim(-1, 1).to(probability.dtype)
    overlap, found, there = (
        one.sum(dim=(0, 2, 3)) for one in (probability * truth, probability, truth)
    )
    present = there > 0
    # Where a class is absent the fraction would be 0/0 at p = 0, whose gradient is no number.
    return 1 - 2 * overlap / (found + there).where(present, 1), present


def _checked(probability: Tensor, label: Tensor) -> Tensor:
    if probability.ndim != 4 or probability.shape[1] < 2:
        raise ConfigError(f"probability {tuple(probability.shape)} must be (B, 1 + K, H, W), K > 0")
    if label.shape != probability[:, 0].shape:
        raise ConfigError(
            f"label {tuple(label.shape)} must be {tuple(probability[:, 0].shape)}, one for each "
            "pixel of probability"
        )
    return full_precision(probability)
