"""The network of LDL section 4.1: pixel-wise embedding and segmentation (Eq. 2)."""

import torch.nn.functional as F
from torch import Tensor, nn

from ldl.models.backbones import Encoder
from ldl.models.blocks import Branch, Decoder
from ldl.runs.pretrain import BorderName
from ldl.sphere import unit


class LocalDiscriminationNet(nn.Module):
    """Encoder f, decoder g, an embedding branch and, from step 2 on, a clustering branch.

    Args:
        embedding: K, the dimension of the hypersphere's space.
        clusters: C; 0 leaves the clustering branch out (step 1).
    """

    def __init__(
        self,
        base: int = 16,
        in_channels: int = 3,
        embedding: int = 32,
        clusters: int = 0,
        border: BorderName = "zeros",
    ) -> None:
        super().__init__()
        self.encoder = Encoder(base, in_channels, border)
        self.decoder = Decoder(self.encoder.channels, border)
        width = self.decoder.out_channels
        self.embed = Branch(width, embedding, border)
        self.cluster = Branch(width, clusters, border) if clusters else None

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor | None]:
        """Eq. 2: (B, in_channels, H, W) -> v (B, K, H, W) unit per pixel, r (B, C, H, W) or None.

        r is a sigmoid followed by an l1 normalisation over C, not a softmax of the scores.
        """
        join = self.decoder.last_join(self.encoder(image))
        embedding = unit(self.embed(join), dim=1)
        if self.cluster is None:
            return embedding, None
        return embedding, self.assign(self.cluster(join))

    def assign(self, scores: Tensor) -> Tensor:
        """(B, C, H, W) scores -> r, which sums to 1 over C."""
        # softmax(log sigmoid(x)) is sigmoid(x) / sum sigmoid(x), finite where all sigmoids are 0.
        return F.logsigmoid(scores.float()).softmax(dim=1)
