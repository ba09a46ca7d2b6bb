"""The unit hypersphere that all embeddings live on."""

import torch
from torch import Tensor

# Keeps value and gradient finite for a zero vector; a unit vector moves by 5e-13 only.
NORM_FLOOR = 1e-6


def full_precision(vectors: Tensor) -> Tensor:
    """Half precision becomes float32; float32 and float64 pass as they are.

    exp and log of similarities over 0.01 overflow in float16, and so do sums over many pixels. The
    gradient that goes back to a float16 tensor saturates at the largest float16.
    """
    if vectors.dtype in (torch.float32, torch.float64):
        return vectors
    full = vectors.float()
    if vectors.dtype == torch.float16 and full.requires_grad:
        largest = torch.finfo(torch.float16).max
        full.register_hook(lambda gradient: gradient.clamp(-largest, largest))
    return full


def unit(vectors: Tensor, dim: int = -1) -> Tensor:
    """Project onto the unit hypersphere along ``dim``; a zero vector stays zero.

    Args:
        vectors: float tensor of any shape; half precision is computed in float32.
        dim: the embedding dimension.
    """
    vectors = full_precision(vectors)
    square = vectors.square().sum(dim, keepdim=True)
    return vectors * torch.rsqrt(square + NORM_FLOOR**2)
