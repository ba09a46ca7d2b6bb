"""Student and teacher (He et al. 2020): the teacher is a moving average of the student."""

import copy

import torch
from torch import Tensor, nn

from ldl.compat import import_lightly
from ldl.models.backbones import pooled
from ldl.ranks import gathered, mine, ranks
from ldl.rng import sent
from ldl.sphere import unit

# MoCo shuffles the keys over GPUs, so that batch normalisation does not tell which belong to one
# batch. On one device the shuffled keys are normalised in this many parts; on more, each rank
# normalises its own.
KEY_PARTS = 2


class MomentumNet(nn.Module):
    """Encoder and head, and their moving averages, which take no gradient.

    Args:
        encoder: a backbone.
        head: from an image's (B, channels[-1]) vector to (B, D).
    """

    def __init__(self, encoder: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.encoder, self.head = encoder, head
        self.teacher = nn.ModuleDict(
            {"encoder": copy.deepcopy(encoder), "head": copy.deepcopy(head)}
        )
        import_lightly("models.utils").deactivate_requires_grad(self.teacher)

    def forward(self, first: Tensor, second: Tensor, order: Tensor) -> tuple[Tensor, Tensor]:
        """Query of the first views, key of the second: two (B, D) float32 unit vectors.

        Args:
            first: (B, C, S, S).
            second: (B, C, S, S).
            order: (B,) int64, a permutation: how the keys are shuffled before normalisation.
        """
        query = unit(self.head(pooled(self.encoder(first))))
        return query, shuffled_keys(self.key, second, order)

    def key(self, images: Tensor) -> Tensor:
        """(B, C, S, S) -> (B, D) unit vectors of the teacher."""
        return unit(self.teacher["head"](pooled(self.teacher["encoder"](images))))

    def follow(self, momentum: float) -> None:
        """teacher <- momentum * teacher + (1 - momentum) * student, after an update (Eq. 2)."""
        update = import_lightly("models.utils").update_momentum
        update(self.encoder, self.teacher["encoder"], momentum)
        update(self.head, self.teacher["head"], momentum)


@torch.no_grad()
def shuffled_keys(encode, images: Tensor, order: Tensor):  # type: ignore[no-untyped-def]
    """``encode`` of the images in shuffled parts, back in their own order.

    Args:
        encode: (b, C, S, S) -> a tensor, or a tuple of tensors, with b rows.
        images: (B, C, S, S).
        order: (B,) int64, a permutation.
    """
    order = sent(order, images)
    parts = mine(order).chunk(max(1, KEY_PARTS // ranks()))
    keys = [encode(images[rows]) for rows in parts]
    if isinstance(keys[0], tuple):
        return tuple(gathered(torch.cat(k))[order.argsort()] for k in zip(*keys, strict=True))
    return gathered(torch.cat(keys))[order.argsort()]
