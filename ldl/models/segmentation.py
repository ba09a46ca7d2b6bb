"""The downstream network: the same encoder, a decoder of its own, a sigmoid channel a class."""

from torch import Tensor, nn

from ldl.models.blocks import initialise, stack
from ldl.models.decoder import Decoder
from ldl.models.vgg import Encoder
from ldl.runs.pretrain import BorderName


class SegmentationNet(nn.Module):
    """U-Net of LDL section 6.1.2: encoder f, decoder with one more block, 3x3 conv, sigmoid.

    Args:
        base: channels of the encoder's first stage.
        in_channels: 3 or 1.
        border: of every convolution.
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
