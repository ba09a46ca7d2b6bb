"""The losses of fine-tuning: LDL's Dice (Eq. 30), and those of organs (LRC section 2.2)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from ldl.errors import ConfigError
from ldl.sphere import full_precision


def dice_loss(prediction: Tensor, target: Tensor, *, smooth: float = 1.0) -> Tensor:
    """Eq. 30 over the whole batch: 1 - (2 sum y'y + eps) / (sum y' + sum y + eps), in 0..1.

    Neither the paper's nor the release's: the print has the factor 2 before the whole fraction,
    which would make an exact prediction cost less than 0, and the release has eps below the
    fraction alone and no 1 before it. Here an exact prediction costs 0, with a batch of one
    positive pixel as with many. A batch without a positive pixel is scored on the inverted pair, as
    in the release, so that an empty target still gives a gradient. Both have one shape; predictions
    are probabilities, targets 0 or 1.
    """
    if prediction.shape != target.shape:
        raise ConfigError(
            f"prediction {tuple(prediction.shape)} and target {tuple(target.shape)} differ in shape"
        )
    prediction = full_precision(prediction)
    target = target.to(prediction.dtype)
    empty = (target.sum() == 0).to(prediction.dtype)
    prediction = empty + (1 - 2 * empty) * prediction
    target = empty + (1 - 2 * empty) * target
    overlap = 2 * (prediction * target).sum() + smooth
    return 1 - overlap / (prediction.sum() + target.sum() + smooth)


def organ_losses(name: str, probability: Tensor, label: Tensor) -> dict[str, Tensor]:
    """The terms of one loss, to be summed: of a softmax (B, 1 + K, H, W) and labels (B, H, W) 0..K.

    ``organs`` is `organ_dice` alone, ``dice`` is `class_dice` alone, ``dice+ce`` is `class_dice`
    plus `entropy`, ``dice+wce`` plus `weighted_entropy`. The paper says "Dice loss as in usual
    multi-organ segmentation tasks", which ``dice`` is. Scalars, float32 (float64 for float64).
    """
    terms = {"organs": {"dice": organ_dice}, "dice": {"dice": class_dice},
             "dice+ce": {"dice": class_dice, "entropy": entropy},
             # In this order their gradients are summed, which the records' last digits hang on.
             "dice+wce": {"entropy": weighted_entropy, "dice": class_dice}}  # fmt: skip
    if name not in terms:
        raise ConfigError(f"loss is {name!r}; use 'organs', 'dice', 'dice+ce' or 'dice+wce'")
    found = {what: term(probability, label) for what, term in terms[name].items()}
    return dict(sorted(found.items()))


def organ_dice(probability: Tensor, label: Tensor) -> Tensor:
    """1 - mean over the organs of 2 sum p_k y_k / (sum p_k + sum y_k), sums over the whole batch.

    Background is no class here, and organs that no slice of the batch shows are left out. So an
    organ that is rare may paint the background, and whole slices, at no cost: networks lose an
    organ or two that way. Kept for comparison. A batch without any organ has loss 0 and a zero
    gradient.
    """
    costs, present = _dice_of_each(probability, label)
    costs, present = costs[1:], present[1:]
    return costs.where(present, 0).sum() / present.sum().clamp_min(1)


def class_dice(probability: Tensor, label: Tensor) -> Tensor:
    """As `organ_dice`, with the background as one more class.

    Whatever an absent organ paints it takes from a class that is present, and that one pays. A
    constant that kept its own fraction finite would teach to give up rare organs first.
    """
    costs, present = _dice_of_each(probability, label)
    return costs.where(present, 0).sum() / present.sum()


def entropy(probability: Tensor, label: Tensor) -> Tensor:
    """Cross-entropy, -log p of the true class, mean over pixels.

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
