"""Encoder and projection head: what methods without a teacher are made of."""

from torch import Tensor, nn

from ldl.models.backbones import pooled
from ldl.sphere import unit


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
