"""Networks around an encoder that several methods share."""

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


class ProjectionNet(nn.Module):
    """An image's vector on the unit hypersphere.

    Args:
        encoder: a backbone.
        head: from an image's (B, channels[-1]) vector to (B, D).
    """

    def __init__(self, encoder: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.encoder, self.head = encoder, head

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, S, S) -> (B, D) float32 unit vectors."""
        return unit(self.head(pooled(self.encoder(images))))


class ClassifierNet(nn.Module):
    """One linear layer on the pooled features: the simplest question to ask of an encoder."""

    def __init__(self, encoder: nn.Module, features: int, classes: int) -> None:
        super().__init__()
        self.encoder, self.classify = encoder, nn.Linear(features, classes)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, S, S) -> scores (B, classes) and features (B, channels[-1])."""
        features = pooled(self.encoder(images))
        return self.classify(features), features


class MomentumNet(nn.Module):
    """Student and teacher (He et al. 2020): the teacher is a moving average without gradient.

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
