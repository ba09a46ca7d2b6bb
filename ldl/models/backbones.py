"""Every encoder of the project behind one door: images in, feature maps out, finest first."""

from typing import Protocol

import torch
from torch import Tensor, nn

from ldl.compat import import_torchvision
from ldl.errors import ConfigError
from ldl.models.blocks import initialise, stack
from ldl.runs.pretrain import BorderName

# Of ResNet: blocks of its layers, and a bottleneck's output in units of its 3x3 convolution's.
_BLOCKS, _EXPANSION = (3, 4, 6, 3), 4
# ViT-Base: 12 layers, 12 heads of 64 dimensions; 14 x 14 learned positions.
LAYERS, HEADS, GRID = 12, 12, 14
PUBLISHED_BASE, PATCH, SMALL_PATCH = 64, 16, 8
# A quarter, a half and three quarters of the way through, and the end, as in UNETR.
DEPTHS = (LAYERS // 4, LAYERS // 2, 3 * LAYERS // 4, LAYERS)
# Up-sampling of each, so that the finest map has an eighth of the patch's stride.
SCALES = (8, 4, 2, 1)


class Backbone(Protocol):
    """An encoder: ``channels`` of its feature maps, finest first; the last is the deepest."""

    channels: list[int]

    def __call__(self, image: Tensor) -> list[Tensor]:
        """(B, in_channels, H, W) -> (B, channels[k], h_k, w_k) each."""
        ...


def backbone(name: str, base: int, in_channels: int, border: BorderName = "zeros") -> nn.Module:
    """A new :class:`Backbone`: "vgg" (LDL section 6.1.2), or LRC's "resnet50", "vit" and "unet".

    A base of 64 is the published size of each.
    """
    if name in ("vgg", "unet"):
        return (Encoder if name == "vgg" else LocalEncoder)(base, in_channels, border)
    if name in ("resnet50", "vit"):
        return (ResNet50 if name == "resnet50" else ViT)(base, in_channels)
    raise ConfigError(f"backbone is {name!r}; use 'vgg', 'resnet50', 'vit' or 'unet'")


def pooled(features: list[Tensor]) -> Tensor:
    """The image's vector: mean over the deepest map, (B, channels[-1])."""
    return features[-1].mean(dim=(-2, -1))


class Encoder(nn.Module):
    """f of LDL section 6.1.2, VGG16: 13 conv-BN-ReLU in five stages, a max-pool between them."""

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


class LocalEncoder(Encoder):
    """E_l: five stages of two conv-BN-ReLU with a 2x2 max-pool between them, U-Net's own widths."""

    COUNTS = (2, 2, 2, 2, 2)
    WIDTHS = (1, 2, 4, 8, 16)


class ResNet50(nn.Module):
    """torchvision's ResNet-50 (He et al. 2016) without its classifier, named so that weights load.

    The features have base * (1, 4, 8, 16, 32) channels.

    Raises:
        ConfigError: base is 1.
    """

    def __init__(self, base: int = 64, in_channels: int = 3) -> None:
        super().__init__()
        # With 4 channels oneDNN's gradient of a strided 1x1 convolution writes past its memory on
        # CPUs with AVX2 alone: github.com/uxlfoundation/oneDNN/issues/6035.
        if base < 2:
            raise ConfigError(f"base is {base}; a 'resnet50' needs at least 2")
        widths = [base * 2**number for number in range(4)]
        self.channels = [base, *(_EXPANSION * width for width in widths)]
        self.conv1 = nn.Conv2d(in_channels, base, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(base)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1, self.layer2, self.layer3, self.layer4 = (
            _layer(entry, width, count, stride=2 if number else 1)
            for number, (entry, width, count) in enumerate(
                zip(self.channels, widths, _BLOCKS, strict=False)
            )
        )
        initialise(self)

    def forward(self, image: Tensor) -> list[Tensor]:
        """(B, in_channels, H, W) -> features at strides 2, 4, 8, 16, 32, finest first."""
        features = [self.relu(self.bn1(self.conv1(image)))]
        features.append(self.layer1(self.maxpool(features[0])))
        for layer in (self.layer2, self.layer3, self.layer4):
            features.append(layer(features[-1]))
        return features


def _layer(entry: int, width: int, count: int, *, stride: int) -> nn.Sequential:
    block = import_torchvision("models.resnet").Bottleneck
    leave = _EXPANSION * width
    shortcut = nn.Sequential(
        nn.Conv2d(entry, leave, 1, stride=stride, bias=False), nn.BatchNorm2d(leave)
    )
    first = block(entry, width, stride, shortcut)
    return nn.Sequential(first, *(block(leave, width) for _ in range(count - 1)))


class ViT(nn.Module):
    """timm's Vision Transformer (Dosovitskiy et al. 2021) without its classifier; 12 * base wide.

    Patches have 16 pixels at the published width. Narrower networks are for smaller images: theirs
    have 8, so that 48 pixels are 36 patches and not 9.
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
        """All tokens of images (B, in_channels, H, W), the class token first: (B, 1 + N, 12 base).

        ``keep`` (B, K) int64 are the patches that are seen, in reading order; others cost nothing.
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
    kernel is its stride: every token (``dim``) draws its own square. The finest map has ``base``
    channels, the coarser ones 2 and 4 times as many. These weights are new, of the decoder.
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
