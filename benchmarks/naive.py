"""The losses as their equations read, to be measured against; nothing else uses them."""

import math

import torch
from torch import Tensor


def unit(vectors: Tensor, dim: int = -1) -> Tensor:
    """Eq. 3: divided by their length."""
    return vectors / vectors.norm(dim=dim, keepdim=True)


def region_vectors(embedding: Tensor, assignment: Tensor) -> Tensor:
    """Eq. 9: every embedding times every cluster, then the mean over pixels.

    The product is (B, C, K, H, W): C times the embedding, kept once more for its gradient.

    Args:
        embedding: (B, K, H, W) pixel embeddings.
        assignment: (B, C, H, W) cluster probabilities.

    Returns:
        (B, C, K) unit vectors.
    """
    product = embedding[:, None] * assignment[:, :, None]
    return unit(product.flatten(3).mean(dim=3))


def joint_negative_log(logits: Tensor, match: Tensor) -> Tensor:
    """Eq. 7: -log P(match) - sum over the rest of log(1 - P); (N, M) logits, (N,) match -> (N,)."""
    share = logits.softmax(dim=1)
    right = share.gather(1, match[:, None]).log().squeeze(1)
    wrong = (1 - share).log().scatter(1, match[:, None], 0.0)
    return -right - wrong.sum(dim=1)


def cluster_entropy(assignment: Tensor, *, base: float = 2) -> Tensor:
    """Eq. 29: the mean binary entropy of (B, C, H, W) probabilities, none of them 0 or 1."""
    yes, no = assignment, 1 - assignment
    return -(yes * yes.log() + no * no.log()).mean() / math.log(base)


# What the names in the package are replaced by, and the memory layout that networks have then.
INSTEAD = {
    "ldl.models.embedding.unit": unit,
    "ldl.losses.vectors.unit": unit,
    "ldl.methods.base.unit": unit,
    "ldl.methods.rd.region_vectors": region_vectors,
    "ldl.methods.rd.cluster_entropy": cluster_entropy,
    "ldl.losses.patch.joint_negative_log": joint_negative_log,
}
LAYOUT = torch.contiguous_format
