"""An encoder pretrained by ldl in segmentation_models_pytorch; needs no ldl.

    import ldl_smp                # registers the encoder "ldl"
    import segmentation_models_pytorch as smp
    net = smp.Unet("ldl", encoder_weights=None, in_channels=ldl_smp.CARD["channels"], classes=1)

Images are (B, C, H, W) float32 with H and W multiples of 32, normalised: (x / 255 - mean) / std
with ``CARD["mean"]`` and ``CARD["std"]``.
"""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import nn

try:
    import torchvision  # noqa: F401
except RuntimeError:  # its compiled part fits another torch, which is no harm here
    LACKING = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        LACKING.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

from segmentation_models_pytorch.encoders import encoders
from segmentation_models_pytorch.encoders.vgg import VGGEncoder

HERE = Path(__file__).resolve().parent
CARD = json.loads((HERE / "card.json").read_text(encoding="utf-8"))


class Encoder(VGGEncoder):
    """VGG16 with batch normalisation at this encoder's width, its weights loaded."""

    def __init__(self, **more: Any) -> None:
        widths = [one for one in CARD["layers"] if one != "M"]
        stages = [widths[k] for k in (0, 2, 4, 7, 10)]
        # One class: the head, which is dropped, would be the largest part.
        super().__init__(
            (*stages, stages[-1]), CARD["layers"], batch_norm=True, num_classes=1, **more
        )
        if CARD["channels"] != 3:
            self.features[0] = nn.Conv2d(CARD["channels"], widths[0], 3, padding=1)
            self._in_channels = CARD["channels"]
        self.load_state_dict(load_file(HERE / "weights.safetensors"))
        for part in self.modules():
            if isinstance(part, nn.Conv2d):
                part.padding_mode = CARD["border"]

    def set_in_channels(self, in_channels: int, pretrained: bool = True) -> None:
        """Called by smp; another number than was pretrained for is refused."""
        if in_channels != CARD["channels"]:
            raise ValueError(f"in_channels is {in_channels}; this encoder takes {CARD['channels']}")


encoders["ldl"] = {"encoder": Encoder, "params": {}, "pretrained_settings": {}}

if __name__ == "__main__":
    size = CARD["size"] // 32 * 32
    print("loaded in smp; its maps of one image, (images, channels, height, width):")
    for one in Encoder().eval()(torch.zeros(1, CARD["channels"], size, size)):
        print(tuple(one.shape))
