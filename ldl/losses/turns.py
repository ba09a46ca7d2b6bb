"""Features that a quarter turn does not change (Li et al. 2021, rotation-invariant branch)."""

import torch
from torch import Tensor

from ldl.errors import ConfigError
from ldl.losses.checks import check_temperature
from ldl.losses.joint import log_miss
from ldl.rng import sent
from ldl.sphere import full_precision


def turn_discrimination(first: Tensor, second: Tensor, *, temperature: float = 0.1) -> Tensor:
    """Each turned view is recognised in every turn of the image's other view.

    As in the authors' code: the instance-spreading loss of Ye et al. 2019 over all 2BT vectors,
    with each turn of the other view in turn as the match, and the mean over the T matches. While
    one turn is the match the others count as wrong, as vectors of other images do.

    Args:
        first: (B, T, D) unit vectors of the T turns of the first views.
        second: (B, T, D) of the second views, images in the same order.
        temperature: tau, above 0.

    Returns:
        Scalar, mean over the anchors and the T matches of
        -log P(match) - sum over the rest of log(1 - P).

    Raises:
        ConfigError: temperature not above 0, or other shapes.
    """
    check_temperature(temperature)
    if first.shape != second.shape or first.ndim != 3:
        raise ConfigError(
            f"first {tuple(first.shape)} and second {tuple(second.shape)} must both be (B, T, D)"
        )
    images, turns = first.shape[:2]
    both = full_precision(torch.cat([first, second]).flatten(0, 1))
    logits = _others(both @ both.detach().T / temperature)
    log_probability = logits.log_softmax(dim=1)
    miss = log_miss(logits, log_probability)
    match = sent(_matches(images, turns), both)
    right = log_probability.gather(1, match).mean(dim=1)
    wrong = miss.sum(dim=1) - miss.gather(1, match).mean(dim=1)
    return -(right + wrong).mean()


def _others(similarity: Tensor) -> Tensor:
    """(M, M) without its diagonal: (M, M - 1); columns right of it move one to the left."""
    total = len(similarity)
    return similarity.flatten()[1:].view(total - 1, total + 1)[:, :-1].reshape(total, total - 1)


def _matches(images: int, turns: int) -> Tensor:
    """(2BT, T): where each anchor finds the turns of its image's other view, diagonal dropped."""
    anchor = torch.arange(2 * images * turns)
    image = anchor // turns
    other = (image + images) % (2 * images)
    match = other[:, None] * turns + torch.arange(turns)
    return match - (match > anchor[:, None]).long()
