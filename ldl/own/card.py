"""Model cards in Markdown, and the figures beside them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import ldl
from ldl import paths
from ldl.data.bank import Bank
from ldl.methods import METHODS
from ldl.own.model import CARD_MARK, Preprocessing, beside
from ldl.runs.pretrain import ComparisonConfig, EncoderConfig

# Loaded when there is something to draw, not before a training.
if TYPE_CHECKING:
    from matplotlib.figure import Figure

CARD, CURVES, IMAGES, SCORES = ".md", "-curves.png", "-images.png", "-scores.csv"
ENCODER, SEGMENTER = (CARD, CURVES, IMAGES), (CARD, CURVES, IMAGES, SCORES)
SHOWN = 8  # images in a figure
_LICENCE = "*To be filled in: who may use these weights, under the terms of the images' licence.*"
Record = Mapping[str, Any]


def path_of(output: Path) -> Path:
    """Of the card beside a model."""
    return beside(output, CARD)


def page(output: Path, title: str, parts: Mapping[str, Sequence[str]]) -> str:
    """A card: a heading and a list of lines for each part, the figures, the licence."""
    lines = [CARD_MARK, "", f"# {title}", ""]
    for heading, items in parts.items():
        lines += [f"## {heading}", "", *[f"- {item}" for item in items], ""]
    lines += [
        "## Figures",
        "",
        f"![Losses over the steps]({beside(output, CURVES).name})",
        f"![Images as the network sees them]({beside(output, IMAGES).name})",
        "",
        "## Licence",
        "",
        _LICENCE,
        "",
    ]
    return "\n".join(lines)


def data_lines(folder: str, bank: Bank, preprocessing: Preprocessing) -> list[str]:
    """What a card says of images: nothing of where they lay."""
    kind = {
        "fundus": "colour, cropped to the field of view",
        "colour": "colour, whole",
        "xray": "gray, whole",
        "ct": "axial slices of CT, gray, -160 to 240 HU",
    }[preprocessing.modality]
    left = f"; left out: {len(bank.left_out)}" if bank.left_out else ""
    return [
        f"{len(bank.ids)} images of the folder `{paths.shown(folder)}`{left}; content "
        f"`{bank.fingerprint[:12]}`",
        f"{kind}; brought to {preprocessing.size} x {preprocessing.size} pixels, divided by 255, "
        f"normalised with mean {preprocessing.mean} and deviation {preprocessing.std}",
    ]


def training_lines(record: Record) -> list[str]:
    """How long, on what, with which versions."""
    told = record["provenance"]
    return [
        f"{record['wall_seconds']:.0f} s on {told['device']}, {told['precision']}",
        f"ldl {ldl.__version__} (commit {told['commit']}), torch {told['versions']['torch']}, "
        f"{told['date'][:10]}; run `{record['run_id']}`",
    ]


def of_encoder(
    output: Path,
    config: EncoderConfig,
    record: Record,
    bank: Bank,
    folder: str,
    kind: Preprocessing,
) -> str:
    """The card of a pretrained encoder."""
    method = METHODS[config.method]
    before, after = record["retrieval_before"], record["retrieval"]
    enough = (
        "It went far enough: more is found again, and the loss is flat."
        if record["trained"]
        else "**It did not go far enough**: hardly more is found again than before, or the loss "
        "still falls. Train longer."
    )
    return page(
        output,
        f"Encoder: {method.title} on {len(bank.ids)} images",
        {
            "Data": data_lines(folder, bank, kind),
            "Method": [
                f"`{config.method}`: {method.title} ({method.paper})",
                f"{config.steps} steps at crop {config.crop}, seed {config.seed}; "
                f"{'backbone ' + getattr(config, 'backbone', 'vgg')}, base {config.base}",
                *training_lines(record),
            ],
            "What came out": [
                f"{after:.1%} of {things(config)} are found again in another view, "
                f"{before:.1%} before training, {1 / record['retrieval_among']:.1%} by chance",
                enough,
                "This says that something was learned, not that it helps a task: "
                "`ldl finetune --compare` says that.",
            ],
            "Use": [
                f"`ldl finetune IMAGES MASKS -o model.safetensors --encoder {output.name}`",
                f'`ldl.load_encoder("{output.name}")` in Python',
            ],
        },
    )


def things(config: EncoderConfig) -> str:
    """What an encoder is asked to find again."""
    local = not isinstance(config, ComparisonConfig)
    return f"{'places in ' if local else ''}held-out images"


def write(output: Path, text: str, curves: Mapping[str, Any], images: "Figure") -> None:
    """The card and its two figures, beside the model.

    Args:
        output: the model's file.
        text: the card.
        curves: as records hold them: "step" and a list a loss.
        images: the second figure.
    """
    import pandas as pd

    from ldl.plots.curves import loss_curves

    with paths.told(output.parent, ""):
        path_of(output).write_text(text, encoding="utf-8", errors="backslashreplace")
        _save(loss_curves(pd.DataFrame(curves)), beside(output, CURVES))
        _save(images, beside(output, IMAGES))


def sheet(images: Sequence[np.ndarray]) -> "Figure":
    """A few images (C, S, S) uint8 side by side."""
    from ldl.plots.images import image_grid

    return image_grid([images[:4], images[4:]] if len(images) > 4 else [images])


def some(bank: Bank) -> list[np.ndarray]:
    """Images at equal distances in a bank."""
    rows = np.unique(np.linspace(0, len(bank.images) - 1, SHOWN).round().astype(int))
    return [np.array(bank.images[row]) for row in rows]


def _save(figure: "Figure", path: Path) -> None:
    from matplotlib import pyplot as plt

    figure.savefig(path, dpi=120, facecolor="white", bbox_inches="tight")
    plt.close(figure)
