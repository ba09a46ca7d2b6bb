"""An encoder pretrained by ldl in MONAI's FlexibleUNet; needs monai and safetensors, but no ldl.

    from monai.networks.nets import FlexibleUNet
    import ldl_monai              # registers the backbone "ldl"
    net = FlexibleUNet(in_channels=ldl_monai.CARD["channels"], out_channels=1, backbone="ldl")

FlexibleUNet takes maps from stride 2 on: the four at strides 2, 4, 8 and 16 are given. Images are
(B, C, H, W) float32, normalised: (x / 255 - mean) / std with ``CARD["mean"]`` and ``CARD["std"]``.
"""

import json
from pathlib import Path
from typing import Any

import torch
from monai.networks.blocks import BaseEncoder
from monai.networks.nets.flexible_unet import FLEXUNET_BACKBONE
from safetensors.torch import load_file
from torch import nn

HERE = Path(__file__).resolve().parent
CARD = json.loads((HERE / "card.json").read_text(encoding="utf-8"))
STAGES = [one for one in " ".join(map(str, CARD["layers"])).split("M") if one.strip()]


class Encoder(nn.Module, BaseEncoder):
    """VGG16 with batch normalisation at this encoder's width, its weights loaded."""

    def __init__(
        self, spatial_dims: int = 2, in_channels: int = 1, pretrained: bool = True
    ) -> None:
        super().__init__()
        if (spatial_dims, in_channels) != (2, CARD["channels"]):
            raise ValueError(f"this encoder takes 2-D images of {CARD['channels']} channels")
        layers: list[nn.Module] = []
        for width in CARD["layers"]:
            if width == "M":
                layers.append(nn.MaxPool2d(2))
                continue
            conv = nn.Conv2d(in_channels, width, 3, padding=1, padding_mode=CARD["border"])
            layers += [conv, nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
            in_channels = width
        self.features = nn.Sequential(*layers)
        self.load_state_dict(load_file(HERE / "weights.safetensors"))

    def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
        """(B, C, H, W) -> four maps, at strides 2, 4, 8 and 16."""
        found = []
        for layer in self.features:
            if isinstance(layer, nn.MaxPool2d):
                found.append(image)
            image = layer(image)
        return found[1:]

    @classmethod
    def get_encoder_parameters(cls) -> list[dict[str, Any]]:
        """What the one encoder of this class is made with."""
        return [{"spatial_dims": 2, "in_channels": CARD["channels"], "pretrained": True}]

    @classmethod
    def num_channels_per_output(cls) -> list[tuple[int, ...]]:
        """Of the four maps."""
        return [tuple(int(stage.split()[-1]) for stage in STAGES[1:])]

    @classmethod
    def num_outputs(cls) -> list[int]:
        """How many maps."""
        return [4]

    @classmethod
    def get_encoder_names(cls) -> list[str]:
        """What FlexibleUNet calls it."""
        return ["ldl"]


FLEXUNET_BACKBONE.register_class(Encoder)

if __name__ == "__main__":
    size = CARD["size"]
    print("loaded in monai; its maps of one image, (images, channels, height, width):")
    for one in Encoder(2, CARD["channels"]).eval()(torch.zeros(1, CARD["channels"], size, size)):
        print(tuple(one.shape))
