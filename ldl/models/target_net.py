"""The network that is trained anew on pseudo labels (LDL section 6.2.1): f and g, one channel."""

from torch import Tensor, nn

from ldl.models.blocks import ConvBlock, initialise
from ldl.models.decoder import Decoder
from ldl.models.vgg import Encoder


class TargetNet(nn.Module):
    """f and g without the embedding branch; the other branch has one channel.

    Args:
        base: channels of the encoder's first stage.
        in_channels: 3 or 1.
    """

    def __init__(self, base: int = 16, in_channels: int = 3) -> None:
        super().__init__()
        self.encoder = Encoder(base, in_channels)
        self.decoder = Decoder(self.encoder.channels)
        width = self.decoder.out_channels
        self.head = nn.Sequential(ConvBlock(width, width), nn.Conv2d(width, 1, 3, padding=1))
        initialise(self.head)

    def forward(self, image: Tensor) -> Tensor:
        """(B, in_channels, H, W) -> (B, 1, H, W) scores before the sigmoid."""
        scores: Tensor = self.head(self.decoder(self.encoder(image)))
        return scores.float()
