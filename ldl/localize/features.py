"""Embedders from networks: sizes that do not fit, and raw encoder features as a comparison."""

import torch.nn.functional as F
from torch import Tensor, nn

from ldl.data.colour import normalise
from ldl.errors import ConfigError
from ldl.localize.matchers import Embedder
from ldl.runs.localize import STRIDES
from ldl.sphere import full_precision, unit

MULTIPLE = 16  # the networks halve their maps four times


def fitted(embedder: Embedder, *, multiple: int = MULTIPLE) -> Embedder:
    """``embedder`` for images of any size: the last row and column are repeated up to a multiple.

    The answer is cut back to the image's own pixels, so coordinates stay as they are.
    """

    def embed(images: Tensor) -> Tensor:
        height, width = images.shape[-2:]
        below, beside = -height % multiple, -width % multiple
        padded = (
            F.pad(images, (0, beside, 0, below), mode="replicate") if below + beside else images
        )
        return embedder(padded)[..., :height, :width]

    return embed


def network_embedder(net: nn.Module) -> Embedder:
    """The pixel embedding v of a network whose first output it is (LDL Eq. 2).

    Args:
        net: in eval mode, on any device; (B, C, H, W) normalised -> (v, ...).
    """
    return fitted(lambda images: net(_given(net, images))[0])


def feature_embedder(encoder: nn.Module, *, stride: int = 16) -> Embedder:
    """Raw features of an encoder, bilinear between their pixel centres, unit at every pixel.

    What localization gives without the decoder and the embedding branch: the comparison that the
    paper lacks. The features follow a ReLU, so their cosines are never negative, and a pixel where
    no channel fires has the zero vector.

    Args:
        encoder: (B, C, H, W) normalised -> five features at strides 1, 2, 4, 8, 16, in eval mode.
        stride: which of them.

    Raises:
        ConfigError: no such stride.
    """
    if stride not in STRIDES:
        raise ConfigError(f"stride is {stride}; use one of {', '.join(map(str, STRIDES))}")

    def embed(images: Tensor) -> Tensor:
        features = full_precision(encoder(_given(encoder, images))[STRIDES.index(stride)])
        size = images.shape[-2:]
        return unit(F.interpolate(features, size, mode="bilinear", align_corners=False), dim=1)

    return fitted(embed)


def _given(net: nn.Module, images: Tensor) -> Tensor:
    """What the network expects, on its device."""
    weight = next(net.parameters(), None)
    return normalise(images if weight is None else images.to(weight.device))
