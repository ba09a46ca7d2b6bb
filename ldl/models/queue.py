"""A first-in, first-out dictionary of keys (He et al. 2020, section 3.2) that survives a resume."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ldl.errors import ConfigError


class Queue(nn.Module):
    """The last ``length`` keys, as buffers of the network's checkpoint.

    Args:
        length: number of keys kept.
        dim: of one key.

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
        """Write (B, dim) unit vectors over the oldest ones; past the end it goes on at the start.

        Raises:
            ConfigError: more keys than the queue is long.
        """
        length = len(self.keys)
        if len(keys) > length:
            raise ConfigError(
                f"queue of {length} cannot take {len(keys)} keys at once; make it longer"
            )
        rows = (self.place + torch.arange(len(keys), device=keys.device)) % length
        self.keys[rows] = keys.detach().to(self.keys.dtype)
        self.place.copy_((self.place + len(keys)) % length)
