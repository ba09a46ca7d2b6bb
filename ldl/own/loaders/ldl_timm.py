"""An encoder pretrained by ldl as a timm model; needs timm, torch and safetensors, but no ldl.

    from ldl_timm import CARD, model
    features = model()(images)    # five maps, finest first, at strides 1, 2, 4, 8 and 16

Images are (B, C, H, W) float32 with H and W multiples of 16, normalised: (x / 255 - mean) / std
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

from timm.models import build_model_with_cfg
from timm.models.vgg import VGG

HERE = Path(__file__).resolve().parent
CARD = json.loads((HERE / "card.json").read_text(encoding="utf-8"))


def model(features_only: bool = True, **more: Any) -> Any:
    """timm's VGG16 with batch normalisation, at this encoder's width, in eval mode.

    Args:
        features_only: five feature maps; else a classifier on top (``num_classes=...``), untrained.
        more: what ``timm.create_model`` takes.
    """
    if features_only:
        more = {"out_indices": (0, 1, 2, 3, 4), **more}
    net: Any = build_model_with_cfg(
        VGG,
        "vgg16_bn",
        False,
        model_cfg=CARD["layers"],
        feature_cfg={"flatten_sequential": True},
        features_only=features_only,
        norm_layer=nn.BatchNorm2d,
        in_chans=CARD["channels"],
        **more,
    )
    weights = load_file(HERE / "weights.safetensors")
    if features_only:  # timm calls them by another name there
        last = len(net)
        weights = {name.replace("features.", "features_"): w for name, w in weights.items()}
        weights = {n: w for n, w in weights.items() if int(n.split("_")[1].split(".")[0]) < last}
    lacking = net.load_state_dict(weights, strict=False)
    assert not lacking.unexpected_keys, lacking
    assert all(name.startswith(("pre_logits", "head")) for name in lacking.missing_keys), lacking
    for part in net.modules():
        if isinstance(part, nn.Conv2d) and part.kernel_size == (3, 3):
            part.padding_mode = CARD["border"]
    return net.eval()


if __name__ == "__main__":
    size = CARD["size"]
    print("loaded in timm; its maps of one image, (images, channels, height, width):")
    for one in model()(torch.zeros(1, CARD["channels"], size, size)):
        print(tuple(one.shape))
