"""Instance discrimination against a bank of one vector an image (Wu et al. 2018, section 3)."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ldl.losses.checks import check_temperature
from ldl.sphere import full_precision


def instance_softmax(query: Tensor, bank: Tensor, rows: Tensor, *, temperature: float) -> Tensor:
    """The non-parametric softmax over all images (Eq. 2-3).

    Args:
        query: (B, D) unit vectors v of the images ``rows``.
        bank: (N, D) unit vectors f; they carry no gradient.
        rows: (B,) int64, which entry is whose.
        temperature: tau, above 0.

    Returns:
        Scalar, mean over the batch of -log P(i | v), P = exp(f_i.v/tau) / sum_j exp(f_j.v/tau).

    Raises:
        ConfigError: temperature not above 0.
    """
    check_temperature(temperature)
    query, bank = full_precision(query), full_precision(bank.detach())
    return F.cross_entropy(query @ bank.T / temperature, rows)


def partition(query: Tensor, bank: Tensor, noise: Tensor, *, temperature: float) -> Tensor:
    """Z of the softmax, estimated from random entries (Eq. 8): n/m sum exp(f.v/tau).

    Args:
        query: (B, D) unit vectors.
        bank: (N, D) unit vectors.
        noise: (B, M) int64 rows of the bank.
        temperature: tau.

    Returns:
        Scalar, mean over the batch, without gradient.
    """
    weights = (_similarity(query, bank, noise) / temperature).exp()
    return len(bank) * weights.mean().detach()


def instance_nce(
    query: Tensor,
    bank: Tensor,
    rows: Tensor,
    noise: Tensor,
    *,
    temperature: float,
    constant: Tensor,
) -> Tensor:
    """Noise-contrastive estimation of the softmax: is an entry one's own or noise (Eq. 4-7)?

    Args:
        query: (B, D) unit vectors v of the images ``rows``.
        bank: (N, D) unit vectors f; they carry no gradient.
        rows: (B,) int64, which entry is whose.
        noise: (B, M) int64, entries drawn evenly for each image.
        temperature: tau, above 0.
        constant: scalar Z, above 0.

    Returns:
        Scalar, mean over the batch of -log h(i, v) - sum over noise of log(1 - h), where
        h = P / (P + M/N) and P = exp(f.v/tau) / Z.

    Raises:
        ConfigError: temperature not above 0.
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
