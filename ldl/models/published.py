"""torchvision's published ImageNet weights of ResNet-50, from files the user has."""

import hashlib
import pickle
import re
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from ldl.compat import import_torchvision
from ldl.errors import DataError

# The first release; its successors were trained with methods that came after the papers.
RELEASE = "IMAGENET1K_V1"
_DIGEST = re.compile(r"-([0-9a-f]{8})\.pth$")
_Norm = tuple[Sequence[float], Sequence[float]]


def address() -> str:
    """Where torchvision has the file from."""
    weights = import_torchvision("models").ResNet50_Weights
    return str(weights[RELEASE].url)


def cached() -> Path:
    """Where torch keeps the file once it was downloaded."""
    return Path(torch.hub.get_dir()) / "checkpoints" / address().rsplit("/", 1)[-1]


def read(path: Path) -> dict[str, Tensor]:
    """A state dict, without the classifier's weights, of ``.safetensors`` or torch.save.

    Where the file's name has the digest that torchvision puts there, it must agree with it.
    """
    if not path.is_file():
        raise DataError(
            f"{path}: torchvision's ImageNet weights are not there; download {address()} to it, "
            "or name a file that you have by the knob 'file'"
        )
    named = _DIGEST.search(path.name)
    if named and not _sha256(path).startswith(named.group(1)):
        raise DataError(f"{path}: damaged, sha256 is not that of its name; download it again")
    try:
        if path.suffix == ".safetensors":
            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
        return {name: value for name, value in state.items() if not name.startswith("fc.")}
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, AttributeError):
        raise DataError(f"{path}: no state dict of tensors; name another by 'file'") from None


def for_gray(state: dict[str, Tensor], colour: _Norm, gray: _Norm) -> dict[str, Tensor]:
    """The same network for one channel: a grey image gives what it gave in three equal channels.

    The first convolution's kernels are summed over the colours, each in the scale in which its
    colour was normalised (means, deviations); what the different means add to every pixel is taken
    off the running mean of the normalisation after it. Only pixels at the padded edge differ.
    """
    mean, deviation = (torch.tensor(each).view(1, -1, 1, 1) for each in colour)
    (middle,), (scale,) = gray
    weight = state["conv1.weight"]
    added = (weight * (middle - mean) / deviation).sum(dim=(1, 2, 3))
    return {
        **state,
        "conv1.weight": (weight * scale / deviation).sum(dim=1, keepdim=True),
        "bn1.running_mean": state["bn1.running_mean"] - added,
    }


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
