"""A network of ldl in everyone else's tools: a folder with weights and the lines that load them.

What is written needs no ldl: the weights under the names of torchvision's VGG16 with batch
normalisation (or the graph of onnx), what they are (card.json), and one module for the library at
hand, which builds the network there at this width and border. Stages are the same five in all of
them, so that outputs are equal.
"""

import json
import tempfile
import warnings
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from safetensors.torch import save
from torch import Tensor, nn

from ldl.errors import LdlError
from ldl.models.backbones import Encoder
from ldl.own.load import Loaded, load_encoder, load_model
from ldl.own.model import read_model
from ldl.own.outputs import put, refuse_file, refuse_foreign

Target = Literal["timm", "smp", "monai", "nnunet", "onnx"]
TARGETS: tuple[str, ...] = get_args(Target)
BATCH_NORM = "torch.nn.modules.batchnorm.BatchNorm2d"
LOADERS = Path(__file__).parent / "loaders"
MADE_BY = "ldl export"


def export(path: Path, to: str, folder: Path) -> list[Path]:
    """Write the network of a model file for another library.

    Args:
        path: what `ldl pretrain` or `ldl finetune` wrote. Of a segmenter its encoder goes to timm,
            smp, monai and nnunet, and the whole network to onnx.
        to: "timm", "smp", "monai", "nnunet" or "onnx".
        folder: is made; an earlier export in it is replaced.

    Returns:
        The files.
    """
    if to not in TARGETS:
        raise LdlError(f"--to is {to!r}; use {', '.join(TARGETS)}")
    kind = read_model(path).kind
    whole = to == "onnx" and kind == "segmenter"
    found = load_model(path) if whole else load_encoder(path)
    _insist(found, to, path)
    content = _content(found, to, path.name)
    refuse_file(folder)
    known = _made_here(folder)
    refuse_foreign(folder, [folder / name for name in content], lambda path: known, MADE_BY)
    put(folder, content)
    return [folder / name for name in content]


def _insist(found: Loaded, to: str, path: Path) -> None:
    """Refuse what has no counterpart."""
    kind = found.network.backbone
    if kind == "vit" or (kind != "vgg" and to != "onnx"):
        sized = "its sizes are fixed, which" if to == "onnx" else "which"
        other = "" if kind == "vit" else ", or use --to onnx"
        raise LdlError(
            f"{path}: a {kind}, {sized} is not mapped to {to}; pretrain a VGG16 (any method of "
            f"`ldl methods` but mae){other}"
        )


def _content(found: Loaded, to: str, source: str) -> dict[str, bytes]:
    """Name of a file -> its bytes; card.json, by which a later call knows them, comes last."""
    card = _card(found, to, source)
    content = {}
    if to == "onnx":
        content["model.onnx"] = onnx_bytes(found)
    else:
        content["weights.safetensors"] = save(vgg_state(found.module), {"format": "pt"})
    if to == "nnunet":
        content["architecture.json"] = _json(architecture(found))
    loader = f"ldl_{to}.py"
    content[loader] = (LOADERS / loader).read_bytes()
    content["card.json"] = _json(card)
    return content


def _card(found: Loaded, to: str, source: str) -> dict[str, Any]:
    seen = found.preprocessing
    card: dict[str, Any] = {
        "made_by": MADE_BY,
        "to": to,
        "source": source,
        "size": seen.size,
        "modality": seen.modality,
        "channels": seen.channels,
        "mean": seen.mean,
        "std": seen.std,
        "border": found.network.border,
        "classes": found.classes,
        "card": found.card,
    }
    if isinstance(found.module, Encoder):
        card["layers"] = layers(found.module)
    return card


def layers(encoder: Encoder) -> list[int | str]:
    """Channels of each convolution and "M" for a pool, as timm and torchvision write a VGG."""
    found: list[int | str] = []
    for stage in encoder.stages:
        found += [part.out_channels for part in stage.modules() if isinstance(part, nn.Conv2d)]
        found.append("M")
    return found


def vgg_state(encoder: nn.Module) -> dict[str, Tensor]:
    """The encoder's state under the names of torchvision: features.0.weight, features.0.bias, ...

    Our convolutions have no bias, since a normalisation follows; there they have one, which is 0.
    """
    assert isinstance(encoder, Encoder)
    state: dict[str, Tensor] = {}
    place = 0
    for stage in encoder.stages:
        for part in stage.modules():
            if isinstance(part, nn.Conv2d | nn.BatchNorm2d | nn.ReLU):
                tensors = dict(part.state_dict())
                if isinstance(part, nn.Conv2d):
                    tensors["bias"] = torch.zeros(part.out_channels)
                state |= {f"features.{place}.{name}": value for name, value in tensors.items()}
                place += 1
        place += 1  # the pool
    return state


def architecture(found: Loaded) -> dict[str, Any]:
    """What nnU-Net's plans call ``architecture``."""
    assert isinstance(found.module, Encoder)
    widths = found.module.channels
    return {
        "network_class_name": "ldl_nnunet.MaxPoolUNet",
        "arch_kwargs": {
            "n_stages": len(widths),
            "features_per_stage": widths,
            "conv_op": "torch.nn.modules.conv.Conv2d",
            "kernel_sizes": [[3, 3]] * len(widths),
            "strides": [[1, 1]] + [[2, 2]] * (len(widths) - 1),
            "n_conv_per_stage": list(found.module.COUNTS),
            "n_conv_per_stage_decoder": [2] * (len(widths) - 1),
            "conv_bias": True,
            "norm_op": BATCH_NORM,
            "norm_op_kwargs": {"eps": 1e-5, "affine": True},
            "dropout_op": None,
            "dropout_op_kwargs": None,
            "nonlin": "torch.nn.ReLU",
            "nonlin_kwargs": {"inplace": True},
        },
        "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
    }


class _Named(nn.Module):
    """A network whose outputs are a tuple."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        out = self.module(images)
        return (out,) if isinstance(out, Tensor) else tuple(out)


def onnx_bytes(found: Loaded) -> bytes:
    """The graph, with any number and size of images; outputs "probabilities" or "features_0" on."""
    net = _Named(found.module).eval()
    size = found.preprocessing.size
    example = torch.zeros(2, found.preprocessing.channels, size, size)
    with torch.inference_mode():
        count = len(net(example))
    names = ["probabilities"] if found.classes else [f"features_{k}" for k in range(count)]
    free = {0: "count", 2: "rows", 3: "columns"}
    with tempfile.TemporaryDirectory() as place, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        target = Path(place) / "model.onnx"
        try:
            torch.onnx.export(
                net,
                (example,),
                str(target),
                input_names=["images"],
                output_names=names,
                dynamic_axes=dict.fromkeys(("images", *names), free),
                dynamo=False,
            )
        except (ImportError, torch.onnx.errors.OnnxExporterError) as error:
            raise LdlError(f"--to onnx: {error}; `pip install onnx onnxruntime`") from None
        return target.read_bytes()


def _made_here(folder: Path) -> bool:
    """Whether an earlier export lies there."""
    try:
        told = json.loads((folder / "card.json").read_text(encoding="utf-8"))
        return isinstance(told, dict) and told.get("made_by") == MADE_BY
    except (OSError, ValueError):
        return False


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=1) + "\n").encode()
