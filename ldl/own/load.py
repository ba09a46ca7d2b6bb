"""A model file as something to use: the network, the way from an image to it, and its card."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor, nn

from ldl.data.colour import to_float
from ldl.data.own import is_volume, slices
from ldl.data.preprocess import Picture, picture, pictured
from ldl.data.readers.image import pixels_of, to_uint8
from ldl.errors import DataError, LdlError
from ldl.models.backbones import backbone, pooled
from ldl.own.model import Network, Preprocessing, read_model
from ldl.train import checkpoint

ImageLike = str | Path | Image.Image | np.ndarray
GIVEN = Path("the image given")


@dataclass(frozen=True)
class Loaded:
    """A trained network with what belongs to it.

    Attributes:
        module: in eval mode, on the CPU. Takes (B, C, H, W) float32 as `preprocess` makes them, H
            and W multiples of 16. An encoder gives a list of feature maps, finest first (of VGG16
            at strides 1, 2, 4, 8, 16); a segmenter gives (B, classes, H, W) probabilities.
        network: what built it.
        preprocessing: size, channels, mean and standard deviation of its input.
        classes: names of a segmenter's maps; () of an encoder.
        card: the model card, Markdown.
        facts: what came out of the training, by name.
    """

    module: nn.Module = field(repr=False)
    network: Network
    preprocessing: Preprocessing
    classes: tuple[str, ...] = ()
    card: str = field(default="", repr=False)
    facts: dict[str, Any] = field(default_factory=dict, repr=False)

    def preprocess(self, image: ImageLike) -> Tensor:
        """An image as the network was trained to see it.

        Args:
            image: a file of any kind that `ldl pretrain` reads (of a volume of CT its middle axial
                slice is taken); a PIL image; or an array (H, W) or (H, W, 3): uint8, floats in
                0..1, or other integers, whose bits tell their range; for a network of CT an axial
                slice in Hounsfield units, or uint8.

        Returns:
            (C, S, S) float32, normalised; S is ``preprocessing.size``.
        """
        square = torch.tensor(self.picture(image).square)
        mean, std = (
            torch.tensor(v).view(-1, 1, 1)
            for v in (self.preprocessing.mean, self.preprocessing.std)
        )
        return (to_float(square) - mean) / std

    def picture(self, image: ImageLike) -> Picture:
        """Its pixels, the square that the network sees, and the way between them."""
        modality, size = self.preprocessing.modality, self.preprocessing.size
        if isinstance(image, str | Path):
            path = Path(image)
            if modality == "ct" and is_volume(path) and path.is_file():
                every = list(slices(path, size))
                return every[len(every) // 2]
            return picture(path, modality, size)
        if isinstance(image, Image.Image):
            image = pixels_of(ImageOps.exif_transpose(image), GIVEN)
        pixels = np.asarray(image)
        if pixels.ndim not in (2, 3) or pixels.dtype.kind not in "buif" or not pixels.size:
            raise DataError(
                f"{GIVEN}: an array {pixels.shape} of {pixels.dtype}; give (rows, columns) or "
                "(rows, columns, 3) of numbers"
            )
        if pixels.ndim == 3 and pixels.shape[-1] == 1:
            pixels = pixels[..., 0]
        if self.preprocessing.window and pixels.dtype != np.uint8:
            low, high = self.preprocessing.window
            pixels = ((pixels - low) / (high - low)).clip(0, 1)
        return pictured(to_uint8(pixels, GIVEN), GIVEN, modality, size)

    @torch.inference_mode()
    def vector(self, images: Tensor) -> Tensor:
        """One vector an image: (B, C, S, S) -> (B, D), mean over an encoder's deepest map."""
        return pooled(self.module(images))


def load_encoder(path: str | Path) -> Loaded:
    """The encoder of a file that `ldl pretrain`, `ldl finetune` or `ldl guide` wrote."""
    model = read_model(Path(path))
    net = backbone(model.network.backbone, model.network.base, model.network.channels,
                   model.network.border)  # fmt: skip
    module = _filled(net, checkpoint.under("encoder", model.weights), path)
    network = model.network.model_copy(update={"classes": 0})
    return Loaded(module, network, model.preprocessing, (), model.card, model.facts)


def load_model(path: str | Path) -> Loaded:
    """The segmenter of a file that `ldl finetune` or `ldl guide` wrote."""
    model = read_model(Path(path), "segmenter")
    module = _filled(model.network.segmenter(), model.weights, path)
    return Loaded(
        module, model.network, model.preprocessing, model.classes, model.card, model.facts
    )


def _filled(net: nn.Module, weights: dict[str, Tensor], path: str | Path) -> nn.Module:
    try:
        net.load_state_dict(weights)
    except RuntimeError:
        raise LdlError(
            f"{path}: its weights do not fit the network that it names; make the model again"
        ) from None
    return net.eval()
