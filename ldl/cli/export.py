"""``ldl export`` and ``ldl embed``: what was pretrained, elsewhere."""

from pathlib import Path
from typing import Annotated

import typer

from ldl.cli.run import DEVICE


def export(
    model: Annotated[Path, typer.Argument(help="What `ldl pretrain` or `ldl finetune` wrote.")],
    to: Annotated[
        str, typer.Option(help="timm, smp (segmentation_models_pytorch), monai, nnunet or onnx.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="A folder.")],
) -> None:
    """Write a network for another library: weights, their card, and the module that loads them.

    What is written needs no ldl. Outputs equal ours, at any width and border; a ResNet or ViT is
    refused where the library at hand has none like it.
    """
    from ldl.own.export import export as write

    files = write(model, to, output)
    typer.echo(f"{output}: {', '.join(one.name for one in files)}")
    loader = next(one for one in files if one.suffix == ".py")
    typer.echo(f"its first lines say how to use it; `python {loader}` tries it")


def embed(
    folder: Annotated[Path, typer.Argument(help="Your images, in any subfolders.")],
    encoder: Annotated[Path, typer.Option(help="A file that `ldl pretrain` wrote.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="A .npz or .csv file.")],
    leave_out: Annotated[
        bool, typer.Option("--leave-out", help="Name files that cannot be read and go on.")
    ] = False,
    device: Annotated[str, DEVICE] = "auto",
) -> None:
    """One vector an image, and a contact sheet of nearest neighbours beside it."""
    from ldl.own.embed import embed_folder
    from ldl.train.device import fabric_for

    target = fabric_for(device).device.type
    written, sheet, vectors = embed_folder(
        encoder, folder, output, device=target, leave_out=leave_out, say=typer.echo
    )
    count, width = vectors.shape
    typer.echo(f"{written}: {count} vectors of {width} numbers; {sheet}: nearest neighbours")
