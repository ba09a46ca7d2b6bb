"""A vector an image, remembered from when it was last seen (Wu et al. 2018, section 3.1)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ldl.sphere import unit


class MemoryBank(nn.Module):
    """Unit vectors of all training images, as a buffer of the network's checkpoint.

    Args:
        images: number of training images N.
        dim: of one vector.

    It begins with random unit vectors, as in the original.
    """

    vectors: Tensor

    def __init__(self, images: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("vectors", F.normalize(torch.randn(images, dim), dim=1))

    @torch.no_grad()
    def update(self, rows: Tensor, vectors: Tensor, momentum: float) -> None:
        """Entry <- unit(momentum * entry + (1 - momentum) * vector).

        Args:
            rows: (B,) int64 on the bank's device.
            vectors: (B, dim) unit vectors.
            momentum: 0 forgets the old entry.
        """
        new = vectors.detach().to(self.vectors.dtype)
        self.vectors[rows] = unit(momentum * self.vectors[rows] + (1 - momentum) * new)
