"""What is remembered of earlier images, as buffers of the network's checkpoint."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ldl.errors import ConfigError
from ldl.sphere import unit


class Queue(nn.Module):
    """A first-in, first-out dictionary of ``length`` keys (He et al. 2020, section 3.2).

    Before it is full it holds random unit vectors, as in the original.
    """

    keys: Tensor
    place: Tensor

    def __init__(self, length: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("keys", F.normalize(torch.randn(length, dim), dim=1))
        self.register_buffer("place", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def push(self, keys: Tensor) -> None:
        """Write (B, dim) unit vectors over the oldest; past the end it goes on at the start."""
        length = len(self.keys)
        if len(keys) > length:
            raise ConfigError(
                f"queue of {length} cannot take {len(keys)} keys at once; make it longer"
            )
        rows = (self.place + torch.arange(len(keys), device=keys.device)) % length
        self.keys[rows] = keys.detach().to(self.keys.dtype)
        self.place.copy_((self.place + len(keys)) % length)


class MemoryBank(nn.Module):
    """A unit vector an image, from when it was last seen (Wu et al. 2018, section 3.1).

    It begins with random unit vectors, as in the original.
    """

    vectors: Tensor

    def __init__(self, images: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("vectors", F.normalize(torch.randn(images, dim), dim=1))

    @torch.no_grad()
    def update(self, rows: Tensor, vectors: Tensor, momentum: float) -> None:
        """Entries ``rows`` (B,) <- unit(momentum * entry + (1 - momentum) * vector)."""
        new = vectors.detach().to(self.vectors.dtype)
        self.vectors[rows] = unit(momentum * self.vectors[rows] + (1 - momentum) * new)
