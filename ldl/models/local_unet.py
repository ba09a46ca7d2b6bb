"""The local branch of LRC: a U-Net with 64 output channels (section 2.1, Fig. 1)."""

from torch import Tensor, nn

from ldl.models.feature_decoder import FeatureDecoder
from ldl.models.vgg import Encoder
from ldl.runs.pretrain import BorderName

FEATURES = 64  # D, section 3.3


class LocalEncoder(Encoder):
    """E_l: five stages of two conv-BN-ReLU with a 2x2 max-pool between them, U-Net's own widths."""

    COUNTS = (2, 2, 2, 2, 2)
    WIDTHS = (1, 2, 4, 8, 16)


class LocalUNet(nn.Module):
    """f = D_l(E_l(x)): the network that the local contrast trains and fine-tuning takes over.

    Attributes:
        encoder: E_l; called alone it gives the skip features.
        decoder: D_l; ``decoder(encoder(image))`` is what ``forward`` computes.
        out_channels: D.

    Args:
        base: channels of the first stage; the stages have base * (1, 2, 4, 8, 16), 64 is U-Net's.
        in_channels: of the slices.
        features: D, 64 in the paper.
        border: of every convolution.
    """

    def __init__(
        self,
        base: int = 64,
        in_channels: int = 1,
        features: int = FEATURES,
        border: BorderName = "zeros",
    ) -> None:
        super().__init__()
        self.encoder = LocalEncoder(base, in_channels, border)
        self.decoder = FeatureDecoder(self.encoder.channels, base, features, border=border)
        self.out_channels = features

    def forward(self, image: Tensor) -> Tensor:
        """(B, in_channels, H, W), any H, W of 16 and more -> (B, D, H, W), not normalised."""
        return self.decoder(self.encoder(image))
