"""A naive formulation of Eq. 9, written here to be measured against; nothing else uses it."""

from torch import Tensor

from ldl.sphere import unit


def region_vectors(embedding: Tensor, assignment: Tensor) -> Tensor:
    """Eq. 9 as it is read: every embedding times every cluster, then the mean over pixels.

    The product is (B, C, K, H, W): C times the embedding, kept once more for its gradient.

    Args:
        embedding: (B, K, H, W) pixel embeddings.
        assignment: (B, C, H, W) cluster probabilities.

    Returns:
        (B, C, K) unit vectors.
    """
    product = embedding[:, None] * assignment[:, :, None]
    return unit(product.flatten(3).mean(dim=3))
