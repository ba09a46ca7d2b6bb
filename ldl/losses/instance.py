"""Instance discrimination of the compared methods: a vector is told from those of other images."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ldl.errors import ConfigError
from ldl.losses.joint import check_temperature, log_miss
from ldl.rng import sent
from ldl.sphere import full_precision, unit


def info_nce(query: Tensor, key: Tensor, negatives: Tensor, *, temperature: float) -> Tensor:
    """InfoNCE against a dictionary (van den Oord et al. 2018; He et al. 2020, Eq. 1).

    Queries and keys (B, D), negatives (L, D) shared by all, unit vectors; only queries carry a
    gradient. Mean over the queries of -log exp(q.k/tau) / (exp(q.k/tau) + sum exp(q.n/tau)).
    """
    check_temperature(temperature)
    query, key, negatives = (full_precision(each) for each in (query, key, negatives))
    right = (query * key.detach()).sum(dim=1, keepdim=True)
    logits = torch.cat([right, query @ negatives.detach().T], dim=1) / temperature
    return F.cross_entropy(logits, logits.new_zeros(len(logits), dtype=torch.int64))


@torch.no_grad()
def correspondence(features_q: Tensor, features_k: Tensor) -> Tensor:
    """DenseCL's match of two views (Wang et al. 2021, Eq. 4): (B, S_q, C), (B, S_k, C) -> (B, S_q).

    For each cell of the query's map the cell of the key's, 0..S_k-1, of largest cosine.
    """
    return torch.einsum("bqc,bkc->bqk", unit(features_q), unit(features_k)).argmax(dim=2)


def instance_softmax(query: Tensor, bank: Tensor, rows: Tensor, *, temperature: float) -> Tensor:
    """The non-parametric softmax over all images (Wu et al. 2018, Eq. 2-3).

    Mean over the batch of -log P(i | v), P = exp(f_i.v/tau) / sum_j exp(f_j.v/tau), for unit
    vectors v (B, D) of the images ``rows`` (B,) and the bank f (N, D), which carries no
    gradient.
    """
    check_temperature(temperature)
    query, bank = full_precision(query), full_precision(bank.detach())
    return F.cross_entropy(query @ bank.T / temperature, rows)


def partition(query: Tensor, bank: Tensor, noise: Tensor, *, temperature: float) -> Tensor:
    """Z of that softmax, estimated from random rows (B, M) (Eq. 8): n/m sum exp(f.v/tau).

    The mean over the batch, a scalar without gradient.
    """
    weights = (_similarity(query, bank, noise) / temperature).exp()
    return len(bank) * weights.mean().detach()


def instance_nce(
    query: Tensor, bank: Tensor, rows: Tensor, noise: Tensor, *,
    temperature: float, constant: Tensor,
) -> Tensor:  # fmt: skip
    """Noise-contrastive estimation of the softmax: is an entry one's own or noise (Eq. 4-7)?

    Arguments as above; ``noise`` (B, M) are rows drawn evenly, ``constant`` is Z. Mean over the
    batch of -log h(i, v) - sum over noise of log(1 - h), h = P / (P + M/N) and P = exp(f.v/tau)
    / Z.
    """
    check_temperature(temperature)
    shift = constant.log() + math.log(noise.shape[1] / len(bank))
    own = _similarity(query, bank, rows[:, None]) / temperature - shift
    other = _similarity(query, bank, noise) / temperature - shift
    return -(F.logsigmoid(own).sum(dim=1) + F.logsigmoid(-other).sum(dim=1)).mean()


def _similarity(query: Tensor, bank: Tensor, rows: Tensor) -> Tensor:
    """(B, M) cosines of each query with its entries."""
    query, bank = full_precision(query), full_precision(bank.detach())
    return torch.einsum("bd,bmd->bm", query, bank[rows])


def turn_discrimination(first: Tensor, second: Tensor, *, temperature: float = 0.1) -> Tensor:
    """Features that a quarter turn does not change (Li et al. 2021, rotation-invariant branch).

    As in the authors' code: the instance-spreading loss of Ye et al. 2019 over all 2BT unit vectors
    of the T turns of both views (B, T, D), with each turn of the other view in turn as the match,
    while the others count as wrong. Mean over anchors and matches of
    -log P(match) - sum over the rest of log(1 - P).
    """
    check_temperature(temperature)
    if first.shape != second.shape or first.ndim != 3:
        raise ConfigError(
            f"first {tuple(first.shape)} and second {tuple(second.shape)} must both be (B, T, D)"
        )
    images, turns = first.shape[:2]
    both = full_precision(torch.cat([first, second]).flatten(0, 1))
    similarity, total = both @ both.detach().T / temperature, len(both)
    # Without the diagonal: columns right of it move one to the left.
    logits = similarity.flatten()[1:].view(total - 1, total + 1)[:, :-1].reshape(total, total - 1)
    anchor = torch.arange(total)
    other = (anchor // turns + images) % (2 * images)
    match = other[:, None] * turns + torch.arange(turns)
    match = sent(match - (match > anchor[:, None]).long(), both)
    log_probability = logits.log_softmax(dim=1)
    miss = log_miss(logits, log_probability)
    right = log_probability.gather(1, match).mean(dim=1)
    wrong = miss.sum(dim=1) - miss.gather(1, match).mean(dim=1)
    return -(right + wrong).mean()
