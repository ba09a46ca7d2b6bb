"""The unit hypersphere that all embeddings live on."""

import torch
from torch import Tensor

# Keeps value and gradient finite for a zero vector; a unit vector moves by 5e-13 only.
NORM_FLOOR = 1e-6


def unit(vectors: Tensor, dim: int = -1) -> Tensor:
    """Project onto the unit hypersphere along ``dim``; a zero vector stays zero.

    Args:
        vectors: float tensor of any shape; half precision is computed in float32.
        dim: the embedding dimension.
    """
    vectors = vectors if vectors.dtype == torch.float64 else vectors.float()
    square = vectors.square().sum(dim, keepdim=True)
    return vectors * torch.rsqrt(square + NORM_FLOOR**2)
