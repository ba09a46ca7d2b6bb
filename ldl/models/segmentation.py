"""Networks of one target or more: segmenters, and those held to a shape (LDL 6.1.2, 6.2.1)."""

import torch
from torch import Tensor, nn

from ldl.models.backbones import Encoder
from ldl.models.blocks import Branch, ConvBlock, Decoder, initialise, stack
from ldl.models.embedding import LocalDiscriminationNet
from ldl.runs.pretrain import BorderName


class SegmentationNet(nn.Module):
    """U-Net of LDL section 6.1.2: encoder f, decoder with one more block, 3x3 conv, sigmoid.

    Args:
        classes: K, one in all of the paper's tasks.
    """

    def __init__(
        self,
        base: int = 16,
        in_channels: int = 3,
        border: BorderName = "zeros",
        classes: int = 1,
    ) -> None:
        super().__init__()
        self.encoder = Encoder(base, in_channels, border)
        self.decoder = Decoder(self.encoder.channels, border)
        self.head = nn.Sequential(
            stack([self.decoder.out_channels, base, base], border),
            nn.Conv2d(base, classes, 3, padding=1, padding_mode=border),
        )
        initialise(self.head)

    def forward(self, image: Tensor) -> Tensor:
        """(B, in_channels, H, W) -> (B, K, H, W) probabilities in 0..1, each for itself."""
        return self.head(self.decoder(self.encoder(image))).float().sigmoid()


class TargetNet(nn.Module):
    """f and g without the embedding branch; the other branch has one channel."""

    def __init__(self, base: int = 16, in_channels: int = 3, border: BorderName = "zeros") -> None:
        super().__init__()
        self.encoder = Encoder(base, in_channels, border)
        self.decoder = Decoder(self.encoder.channels, border)
        self.head = Branch(self.decoder.out_channels, 1, border)

    def forward(self, image: Tensor) -> Tensor:
        """(B, in_channels, H, W) -> (B, 1, H, W) scores before the sigmoid."""
        scores: Tensor = self.head(self.decoder.last_join(self.encoder(image)))
        return scores.float()


class OwnTargetNet(LocalDiscriminationNet):
    """Eq. 2 with a target that competes with nobody: r_0 is a sigmoid, the others share 1 - r_0.

    Under the l1 normalisation several regions can be at 1 / k together and none above one half,
    which a judge who knows masks of 0 and 1 sees at once. The clustering branch starts as torch
    starts a convolution, and the target at `START`: at first a tenth of the image belongs to it.
    The decoder's up-sampling is bilinear: maps that are judged are to be free of blocks.
    """

    START = -2.0

    def __init__(
        self, base: int, in_channels: int, embedding: int, clusters: int, border: BorderName
    ) -> None:
        super().__init__(base, in_channels, embedding, clusters, border)
        self.decoder.upsampling = "bilinear"
        block, last = self.target_branch()
        for part in (*block, last):
            if isinstance(part, nn.Conv2d):
                part.reset_parameters()
        with torch.no_grad():
            bias = last.bias
            assert bias is not None, "the last convolution of a branch has one"
            bias[0] = self.START

    def target_branch(self) -> tuple[ConvBlock, nn.Conv2d]:
        """The clustering branch: its block, and the convolution whose first channel is r_0's."""
        assert self.cluster is not None, "one of the regions is the target"
        block, last = self.cluster
        assert isinstance(block, ConvBlock), "a branch begins with a block"
        assert isinstance(last, nn.Conv2d), "a branch ends with a convolution"
        return block, last

    def assign(self, scores: Tensor) -> Tensor:
        """(B, C, H, W) scores -> r, which sums to 1 over C."""
        target = scores[:, :1].float().sigmoid()
        return torch.cat([target, (1 - target) * super().assign(scores[:, 1:])], dim=1)


class TargetRegion(OwnTargetNet):
    """The same as a segmenter: its target alone."""

    def forward(self, image: Tensor) -> Tensor:  # type: ignore[override]
        """(B, in_channels, H, W) -> (B, 1, H, W) r_0, probabilities in 0..1."""
        assignment = super().forward(image)[1]
        assert assignment is not None, "a guided network has a clustering branch"
        return assignment[:, :1]
