"""``ldl finetune``, ``ldl segment`` and ``ldl guide``: masks of one's own images."""

from pathlib import Path
from typing import Annotated

import typer

from ldl.cli.pretrain import MODALITY
from ldl.cli.run import DEVICE, PROFILE

LEAVE_OUT = typer.Option("--leave-out", help="Name files that cannot be used and go on.")
PIXEL = typer.Option(min=1e-6, help="mm a pixel, where the files do not say it.")


def finetune(
    images: Annotated[Path, typer.Argument(help="Your images, or CT volumes as NIfTI.")],
    masks: Annotated[
        Path,
        typer.Argument(
            help="Masks named after their images. Several classes: values in one file, or a folder "
            "for each class."
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The model, .safetensors.")],
    encoder: Annotated[
        Path | None, typer.Option(help="What `ldl pretrain` wrote; without it, from scratch.")
    ] = None,
    compare: Annotated[
        bool, typer.Option("--compare", help="Also from scratch, as long: did pretraining help?")
    ] = False,
    modality: Annotated[str | None, typer.Option(help=MODALITY)] = None,
    classes: Annotated[
        str, typer.Option(help="Names, by commas, in the order of the masks' values or folders.")
    ] = "",
    split: Annotated[
        Path | None,
        typer.Option(help="A csv: image, and split (train, validation, test) or subject, or both."),
    ] = None,
    pixel_size: Annotated[float | None, PIXEL] = None,
    size: Annotated[
        int | None, typer.Option(min=32, max=2048, help="Side of the squares images become.")
    ] = None,
    base: Annotated[int | None, typer.Option(min=1, help="Width; the encoder's.")] = None,
    steps: Annotated[int, typer.Option(min=1, help="Updates of the optimizer.")] = 600,
    seed: Annotated[int, typer.Option(help="Of split, start and order.")] = 0,
    profile: Annotated[str, PROFILE] = "open",
    device: Annotated[str, DEVICE] = "auto",
    leave_out: Annotated[bool, LEAVE_OUT] = False,
) -> None:
    """Train a segmenter on your own masks and score it on images that it never saw.

    Training, validation and test share no subject, as far as the names show it. Card, scores and
    figures come to lie beside the model. Interrupted, the same command goes on.
    """
    from ldl.own.finetuning import finetune as work

    work(
        images,
        masks,
        output,
        encoder=encoder,
        compare=compare,
        modality=modality,
        classes=[one.strip() for one in classes.split(",")] if classes else (),
        split=split,
        pixel_size=pixel_size,
        size=size,
        base=base,
        steps=steps,
        seed=seed,
        profile=profile,
        device=device,
        leave_out=leave_out,
        say=typer.echo,
    )


def segment(
    images: Annotated[list[Path], typer.Argument(help="Images, volumes, or folders of them.")],
    model: Annotated[Path, typer.Option(help="What `ldl finetune` or `ldl guide` wrote.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for what comes out.")],
    pixel_size: Annotated[float | None, PIXEL] = None,
    device: Annotated[str, DEVICE] = "auto",
    leave_out: Annotated[bool, LEAVE_OUT] = False,
) -> None:
    """Segment images: masks at each file's size, overlays, and a csv of areas."""
    from ldl.own.segmenting import segment as work

    work(
        model,
        images,
        output,
        pixel_size=pixel_size,
        device=device,
        leave_out=leave_out,
        say=typer.echo,
    )


def guide(
    images: Annotated[Path, typer.Argument(help="Your eye photographs, in colour.")],
    masks: Annotated[
        Path, typer.Argument(help="Masks whose shape is looked for, of any other images.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The model, .safetensors.")],
    size: Annotated[
        int | None, typer.Option(min=32, max=2048, help="Side of the squares images become.")
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="In each of the two steps.")] = None,
    seed: Annotated[int, typer.Option(help="Of everything drawn.")] = 0,
    profile: Annotated[str, PROFILE] = "open",
    device: Annotated[str, DEVICE] = "auto",
    leave_out: Annotated[bool, LEAVE_OUT] = False,
) -> None:
    """Segment vessels without a mask of your images, by the shape of other masks (LDL 6.2).

    The watch says whether what came out looks like the masks; `ldl segment` uses the model.
    """
    from ldl.own.guiding import guide as work

    work(
        images,
        masks,
        output,
        size=size,
        steps=steps,
        seed=seed,
        profile=profile,
        device=device,
        leave_out=leave_out,
        say=typer.echo,
    )
