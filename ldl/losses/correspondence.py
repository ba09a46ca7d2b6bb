"""Which cell of one view shows what a cell of the other shows (Wang et al. 2021, section 3.4)."""

import torch
from torch import Tensor

from ldl.sphere import unit


@torch.no_grad()
def correspondence(features_q: Tensor, features_k: Tensor) -> Tensor:
    """For each cell of the query's map the most similar cell of the key's (Eq. 4).

    Args:
        features_q: (B, S_q, C) backbone features, one row a cell.
        features_k: (B, S_k, C) of the other views, in the same order of images.

    Returns:
        (B, S_q) int64 in 0..S_k-1: the cell of largest cosine similarity.
    """
    return torch.einsum("bqc,bkc->bqk", unit(features_q), unit(features_k)).argmax(dim=2)
