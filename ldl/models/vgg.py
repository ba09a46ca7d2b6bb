"""The encoder f: the convolutional part of VGG16 (LDL section 6.1.2)."""

from torch import Tensor, nn

from ldl.models.blocks import initialise, stack
from ldl.runs.pretrain import BorderName


class Encoder(nn.Module):
    """13 conv-BN-ReLU in five stages with a 2x2 max-pool between them.

    Args:
        base: channels of the first stage, 64 in VGG16; the stages have ``base * WIDTHS``.
        in_channels: 3 (fundus) or 1 (X-ray).
        border: of every convolution.
    """

    COUNTS = (2, 2, 3, 3, 3)
    WIDTHS = (1, 2, 4, 8, 8)

    def __init__(self, base: int = 16, in_channels: int = 3, border: BorderName = "zeros") -> None:
        super().__init__()
        self.channels = [base * factor for factor in self.WIDTHS]
        before = [in_channels, *self.channels[:-1]]
        self.stages = nn.ModuleList(
            stack([entry] + [out] * count, border)
            for entry, out, count in zip(before, self.channels, self.COUNTS, strict=True)
        )
        self.pool = nn.MaxPool2d(2)
        initialise(self)

    def forward(self, image: Tensor) -> list[Tensor]:
        """(B, in_channels, H, W) with H, W multiples of 16 -> features at strides 1, 2, 4, 8, 16.

        Each is taken before its max-pool; VGG16's fifth pool is not used.
        """
        features = []
        for number, stage in enumerate(self.stages):
            image = stage(self.pool(image) if number else image)
            features.append(image)
        return features
