"""Vision Transformer of any width (Dosovitskiy et al. 2021): MAE in LRC's Table 1."""

import torch
from torch import Tensor, nn

from ldl.compat import import_torchvision
from ldl.models.blocks import initialise

# ViT-Base: 12 layers, 12 heads of 64 dimensions; 14 x 14 learned positions.
LAYERS, HEADS, GRID = 12, 12, 14
PUBLISHED_BASE, PATCH, SMALL_PATCH = 64, 16, 8
# A quarter, a half and three quarters of the way through, and the end, as in UNETR.
DEPTHS = (LAYERS // 4, LAYERS // 2, 3 * LAYERS // 4, LAYERS)
# Up-sampling of each, so that the finest map has an eighth of the patch's stride.
SCALES = (8, 4, 2, 1)


class ViT(nn.Module):
    """timm's Vision Transformer without its classifier; base 64 is ViT-Base/16.

    Patches have 16 pixels at the published width. Narrower networks are for smaller images: theirs
    have 8, so that 48 pixels are 36 patches and not 9.

    Args:
        base: dimensions of one head; the embedding has 12 * base.
        in_channels: 3 or 1.
    """

    def __init__(self, base: int = 64, in_channels: int = 3) -> None:
        super().__init__()
        import_torchvision()
        from timm.models.vision_transformer import VisionTransformer

        self.patch = PATCH if base >= PUBLISHED_BASE else SMALL_PATCH
        self.channels = [HEADS * base]
        self.vit = VisionTransformer(
            img_size=GRID * self.patch,
            patch_size=self.patch,
            in_chans=in_channels,
            num_classes=0,
            embed_dim=HEADS * base,
            depth=LAYERS,
            num_heads=HEADS,
            dynamic_img_size=True,
        )

    def forward(self, image: Tensor) -> list[Tensor]:
        """(B, in_channels, H, W), H and W multiples of the patch -> one map of the patches' tokens.

        The class token is left out; the learned positions are interpolated to the image's grid.
        """
        height, width = (side // self.patch for side in image.shape[-2:])
        patches = self.tokens(image)[:, self.vit.num_prefix_tokens :]
        return [patches.transpose(1, 2).unflatten(2, (height, width))]

    def tokens(self, image: Tensor, keep: Tensor | None = None) -> Tensor:
        """All tokens, the class token first: (B, 1 + patches, channels[0]).

        Args:
            image: (B, in_channels, H, W).
            keep: (B, K) int64, which patches are seen, in reading order; the others cost nothing.
        """
        vit = self.vit
        tokens = vit._pos_embed(vit.patch_embed(image))
        if keep is not None:
            prefix, patches = tokens.tensor_split([vit.num_prefix_tokens], dim=1)
            tokens = torch.cat([prefix, patches.take_along_dim(keep[..., None], dim=1)], dim=1)
        answer: Tensor = vit.norm(vit.blocks(vit.norm_pre(tokens)))
        return answer


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
