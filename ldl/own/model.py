"""The file that a network of one's own is kept in: weights, and all that is needed to use them.

One safetensors file, written and read by `ldl.train.checkpoint` (a digest of the tensors, written
at once, nothing pickled). Its JSON header has these fields:

- ``format``: 1; raised when a reader of today could not read what is written then.
- ``kind``: "encoder" (of `ldl pretrain`) or "segmenter" (of `ldl finetune` and `ldl guide`).
- ``run_id``: of the run in the store; ``config``: that run's, which says method, steps and seed.
- ``network``: what builds the module: ``backbone`` ("vgg", "resnet50" or "vit"), ``base``,
  ``channels`` (1 or 3), ``border``, and ``classes``, how many maps a segmenter gives (0: encoder);
  of a guided one also ``regions`` and ``embedding``.
- ``preprocessing``: from a file to the network's input, see `Preprocessing`.
- ``classes``: names of a segmenter's maps, in their order, without the background; else [].
- ``card``: the model card, Markdown.
- ``facts``: what came out: images, retrieval, scores, losses, fingerprint of the data.

The tensors of an encoder are called ``encoder.*``, as `ldl.models.backbones.backbone` has them; an
encoder of LDL's methods keeps its decoder and branches beside them. Those of a segmenter are the
state of `ldl.models.segmentation`'s SegmentationNet, or with regions of its TargetRegion; both call
their encoder ``encoder.*``.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from torch import Tensor, nn

from ldl import paths
from ldl.config import Strict, build
from ldl.data.colour import NORMALISATION
from ldl.data.own import WINDOW
from ldl.errors import LdlError, TrainingError
from ldl.models.segmentation import SegmentationNet, TargetRegion
from ldl.own.outputs import refuse_among
from ldl.tasks import CHANNELS, Modality
from ldl.train import checkpoint

FORMAT = 1
CARD_MARK = "<!-- a model card of ldl -->"
Kind = Literal["encoder", "segmenter"]


class Preprocessing(Strict):
    """From a file to what the network sees.

    A file is read as a viewer shows it (`ldl.data.readers.read_image`: upright, 8 bits), cropped to
    what is lit (fundus alone), brought to a square of ``size`` pixels by antialiased bilinear
    resampling, divided by 255, and normalised: (x - mean) / std, channel by channel.

    Attributes:
        size: side of the square in pixels, a multiple of 16.
        modality: "fundus" (colour, cropped), "colour", "xray" (gray), or "ct" (axial slices, gray).
        channels: 3 for colour, else 1.
        mean, std: one number a channel.
        window: Hounsfield units shown as 0 and as 255; of "ct" alone.
    """

    size: int
    modality: Modality
    channels: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    window: tuple[float, float] | None = None

    @classmethod
    def of(cls, modality: Modality, size: int) -> "Preprocessing":
        """That of a modality."""
        channels = CHANNELS[modality]
        mean, std = NORMALISATION[channels]
        window = WINDOW if modality == "ct" else None
        return cls(
            size=size, modality=modality, channels=channels, mean=mean, std=std, window=window
        )


class Network(Strict):
    """What builds the module; see the fields above."""

    backbone: Literal["vgg", "resnet50", "vit"]
    base: int
    channels: int
    border: Literal["zeros", "replicate"] = "zeros"
    classes: int = 0
    regions: int = 0
    embedding: int = 0

    def segmenter(self) -> nn.Module:
        """A new network (B, channels, H, W) -> (B, classes, H, W) probabilities."""
        if self.regions:
            return TargetRegion(self.base, self.channels, self.embedding, self.regions, self.border)
        return SegmentationNet(self.base, self.channels, self.border, self.classes)


@dataclass(frozen=True)
class Model:
    """The content of such a file; see the fields above."""

    kind: Kind
    run_id: str
    config: dict[str, Any]
    network: Network
    preprocessing: Preprocessing
    weights: dict[str, Tensor] = field(repr=False)
    classes: tuple[str, ...] = ()
    card: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


def write_model(path: Path, model: Model) -> None:
    """Write ``model``; an older file stays until the new one is whole."""
    header = {name: value for name, value in vars(model).items() if name != "weights"}
    header |= {name: header[name].model_dump(mode="json") for name in ("network", "preprocessing")}
    checkpoint.save(path, model.weights, {"format": FORMAT, **header})


def read_model(path: Path, kind: Kind | None = None) -> Model:
    """Read what :func:`write_model` wrote.

    Args:
        path: the file.
        kind: what it must be; None takes either.
    """
    if not path.is_file():
        raise LdlError(f"{path}: no such file; `ldl pretrain` and `ldl finetune` write models")
    try:
        weights, header = checkpoint.load(path)
    except TrainingError as error:
        reason = str(error).removeprefix(f"{path}: ").split(";")[0]
        raise LdlError(f"{path}: not a model of ldl ({reason}); name one of `ldl pretrain` or "
                       "`ldl finetune`") from None  # fmt: skip
    version = header.get("format")
    if version != FORMAT:
        why = "a training's state or an old file" if version is None else f"of format {version}"
        raise LdlError(f"{path}: {why}; this ldl reads models of format {FORMAT}")
    if kind and header.get("kind") != kind:
        other = {"encoder": "`ldl pretrain`", "segmenter": "`ldl finetune`"}[kind]
        raise LdlError(f"{path}: holds a model of kind {header.get('kind')!r}, not {kind!r}; "
                       f"{other} makes one")  # fmt: skip
    try:
        return Model(
            kind=header["kind"],
            run_id=header["run_id"],
            config=header["config"],
            network=build(Network, header["network"]),
            preprocessing=build(Preprocessing, _tuples(header["preprocessing"])),
            weights=weights,
            classes=tuple(header["classes"]),
            card=header["card"],
            facts=header["facts"],
        )
    except (KeyError, TypeError) as error:
        raise LdlError(f"{path}: its header is incomplete ({error}); make the model again") from (
            None
        )


def beside(output: Path, ending: str) -> Path:
    """A file that is written with a model: its card, scores or figures."""
    return output.with_name(output.stem + ending)


def refuse_output(output: Path, endings: Sequence[str] = (), *inputs: Path) -> None:
    """Look at where a model is to be written, before the work.

    Args:
        output: the model's file.
        endings: of what is written beside it, see `beside`.
        inputs: folders of images and masks; a figure among them would count as one of them.
    """
    if output.is_dir():
        raise LdlError(
            f"{output}: a folder; name a file in it, such as {output / 'model.safetensors'}"
        )
    if output.suffix != ".safetensors":
        raise LdlError(f"{output}: name a file that ends in .safetensors")
    refuse_among(output, *inputs)
    if output.exists():
        try:
            checkpoint.load(output)
        except TrainingError:
            raise LdlError(
                f"{output}: not weights of ldl, so it is not replaced; name another file"
            ) from None
    elif not _ours(beside(output, ".md")):  # with a model or its card, they are ours
        for there in filter(os.path.lexists, (beside(output, one) for one in endings)):
            raise LdlError(
                f"{there}: is there already, and no model of ldl beside it, so it is not replaced; "
                "name another file"
            )
    paths.writable(output.parent)


def _ours(card: Path) -> bool:
    try:
        return card.read_text(encoding="utf-8").startswith(CARD_MARK)
    except (OSError, UnicodeDecodeError):
        return False


def _tuples(fields: dict[str, Any]) -> dict[str, Any]:
    """JSON has lists where the model has tuples."""
    return {name: tuple(v) if isinstance(v, list) else v for name, v in fields.items()}
