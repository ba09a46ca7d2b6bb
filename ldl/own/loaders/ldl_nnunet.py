"""An encoder pretrained by ldl in nnU-Net v2; needs dynamic_network_architectures (part of it).

1. In the copy of your plans, set for the configuration "2d": ``architecture`` to the content of
   architecture.json; ``normalization_schemes`` to one "RGBTo01Normalization" a channel (images are
   then 0..255 on disk, as ldl read them); ``patch_size`` to multiples of 16.
2. ``python ldl_nnunet.py CLASSES`` writes checkpoint.pth beside it; the background is one of them.
3. With this folder on PYTHONPATH:
   ``nnUNetv2_train ID 2d FOLD -p YOUR_PLANS -pretrained_weights checkpoint.pth``

The encoder is pretrained, the decoder is new. nnU-Net halves a map by a strided convolution; this
encoder was trained with max-pooling, which is all in which the class differs from PlainConvUNet.
"""

import json
import pydoc
import sys
from pathlib import Path
from typing import Any

import torch
from dynamic_network_architectures.architectures.unet import PlainConvUNet
from dynamic_network_architectures.building_blocks.plain_conv_encoder import PlainConvEncoder
from safetensors.torch import load_file
from torch import nn

HERE = Path(__file__).resolve().parent
CARD = json.loads((HERE / "card.json").read_text(encoding="utf-8"))
ENCODER = ("n_stages", "features_per_stage", "conv_op", "kernel_sizes", "strides",
           "n_conv_per_stage", "conv_bias", "norm_op", "norm_op_kwargs", "dropout_op",
           "dropout_op_kwargs", "nonlin", "nonlin_kwargs")  # fmt: skip


class MaxPoolUNet(PlainConvUNet):
    """nnU-Net's plain U-Net whose encoder halves by max-pooling; takes images in 0..1."""

    def __init__(self, input_channels: int, **more: Any) -> None:
        super().__init__(input_channels, **more)
        wanted = {name: more[name] for name in ENCODER}
        self.encoder = PlainConvEncoder(input_channels, **wanted, return_skips=True, pool="max")
        self.decoder.encoder = self.encoder  # where the decoder keeps it
        for part in self.encoder.modules():
            if isinstance(part, nn.Conv2d):
                part.padding_mode = CARD["border"]
        mean, std = (torch.tensor(CARD[name]).view(1, -1, 1, 1) for name in ("mean", "std"))
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def forward(self, image: torch.Tensor) -> Any:
        """(B, C, H, W) in 0..1, H and W multiples of 16 -> what PlainConvUNet gives."""
        return super().forward((image - self.mean) / self.std)


def model(classes: int) -> MaxPoolUNet:
    """The network of architecture.json with this encoder's weights, as nnU-Net builds it."""
    told = json.loads((HERE / "architecture.json").read_text(encoding="utf-8"))
    given = dict(told["arch_kwargs"])
    for name in told["_kw_requires_import"]:
        given[name] = given[name] and pydoc.locate(given[name])
    net = MaxPoolUNet(CARD["channels"], num_classes=classes, **given)
    weights = load_file(HERE / "weights.safetensors")
    names = iter(sorted({int(name.split(".")[1]) for name in weights}))
    for part in net.encoder.modules():
        if isinstance(part, nn.Conv2d | nn.BatchNorm2d):
            number = next(names)
            part.load_state_dict(
                {name: weights[f"features.{number}.{name}"] for name in part.state_dict()}
            )
    assert next(names, None) is None, "weights are left over"
    return net


if __name__ == "__main__":
    torch.manual_seed(0)
    made = {"network_weights": model(int(sys.argv[1])).state_dict()}
    torch.save(made, HERE / "checkpoint.pth")
    print(HERE / "checkpoint.pth")
