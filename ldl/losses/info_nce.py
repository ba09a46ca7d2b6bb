"""InfoNCE against a dictionary of negatives (van den Oord et al. 2018; He et al. 2020, Eq. 1)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from ldl.losses.checks import check_temperature
from ldl.sphere import full_precision


def info_nce(query: Tensor, key: Tensor, negatives: Tensor, *, temperature: float) -> Tensor:
    """Each query is told from the negatives by its own key.

    Args:
        query: (B, D) unit vectors.
        key: (B, D) unit vectors, the positives in the same order; they carry no gradient.
        negatives: (L, D) unit vectors shared by all queries; they carry no gradient.
        temperature: tau, above 0.

    Returns:
        Scalar, mean over the queries of -log exp(q.k/tau) / (exp(q.k/tau) + sum exp(q.n/tau)).

    Raises:
        ConfigError: temperature not above 0.
    """
    check_temperature(temperature)
    query, key, negatives = (full_precision(each) for each in (query, key, negatives))
    right = (query * key.detach()).sum(dim=1, keepdim=True)
    logits = torch.cat([right, query @ negatives.detach().T], dim=1) / temperature
    return F.cross_entropy(logits, logits.new_zeros(len(logits), dtype=torch.int64))
