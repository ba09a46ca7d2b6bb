"""Maps of several sizes from a Vision Transformer, for the skips of a decoder."""

from torch import Tensor, nn

from ldl.models.blocks import initialise
from ldl.models.vit import LAYERS, ViT

# A quarter, a half and three quarters of the way through, and the end, as in UNETR.
DEPTHS = (LAYERS // 4, LAYERS // 2, 3 * LAYERS // 4, LAYERS)
# Up-sampling of each, so that the finest map has an eighth of the patch's stride.
SCALES = (8, 4, 2, 1)


class ViTPyramid(nn.Module):
    """All layers of a ViT have one size; here the earlier ones are turned into finer maps.

    After UNETR (Hatamizadeh et al. 2022), with one transposed convolution for each skip, whose
    kernel is its stride: every token draws its own square. These weights are new, they belong to
    the decoder.

    Args:
        dim: the tokens' dimension.
        base: channels of the finest map; the coarser ones have 2 and 4 times as many.
    """

    def __init__(self, dim: int, base: int) -> None:
        super().__init__()
        widths = [base << level for level in range(len(SCALES) - 1)]
        self.channels = [*widths, dim]
        self.draw = nn.ModuleList(
            nn.Sequential(
                nn.ConvTranspose2d(dim, width, scale, stride=scale, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
            )
            for width, scale in zip(widths, SCALES, strict=False)
        )
        initialise(self)

    def forward(self, encoder: ViT, image: Tensor) -> list[Tensor]:
        """(B, C, H, W) -> maps at an eighth, a quarter, a half and all of the patch's stride."""
        *early, last = encoder.vit.forward_intermediates(
            image, indices=[depth - 1 for depth in DEPTHS], norm=True, intermediates_only=True
        )
        return [*(draw(one) for draw, one in zip(self.draw, early, strict=True)), last]
