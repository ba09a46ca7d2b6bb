"""``ldl pretrain``, ``finetune``, ``segment``, ``guide``, ``export``, ``embed``: one's own images.

Each is the function of that name in `ldl.own`, imported when it is called.
"""

from pathlib import Path
from typing import Annotated

import typer

from ldl.cli.options import (
    Device,
    Encoder,
    Folder,
    LeaveOut,
    ModelFile,
    PixelSize,
    Profile,
    Seed,
    Side,
    Steps,
)

# Written out, since the methods themselves take seconds to import; a test compares.
NAMES = (
    "pd, pd+mix, rd, pd+mix+ms, pd+mix+ms+cs, densecl, embinva, instdisc, moco, mocov2, rotori, "
    "simclr, byol, simsiam, relative-location, rotation, genesis or mae"
)
Modality = Annotated[
    str | None,
    typer.Option(
        help="fundus (colour, cropped to the field of view), colour, xray (any gray image) or ct "
        "(NIfTI); gray, colour and ct are told from the files."
    ),
]
Base = Annotated[
    int | None, typer.Option(min=1, help="Width; the encoder's; 64 is the published one.")
]


def pretrain(
    folder: Annotated[
        Path, typer.Argument(help="Your images, or CT volumes as NIfTI, in any subfolders.")
    ],
    output: Annotated[Path, typer.Argument(help="The encoder, a .safetensors file.")],
    modality: Modality = None,
    method: Annotated[str, typer.Option(help=f"{NAMES}.")] = "pd+mix",
    size: Side = None,
    crop: Annotated[int | None, typer.Option(min=32, help="Side of the views.")] = None,
    base: Base = None,
    steps: Steps = None,
    seed: Seed = 0,
    profile: Profile = "open",
    device: Device = "auto",
    leave_out: LeaveOut = False,
) -> None:
    """Pretrain on your own images; a model card comes to lie beside the encoder.

    What is not said stands as in the profile. Interrupted, the same command goes on.
    """
    given = dict(locals())
    from ldl.own.pretraining import pretrain as work

    work(**given, say=typer.echo)


def finetune(
    images: Annotated[Path, typer.Argument(help="Your images, or CT volumes as NIfTI.")],
    masks: Annotated[
        Path,
        typer.Argument(
            help="Masks named after their images. Several classes: values in one file, or a folder "
            "for each class."
        ),
    ],
    output: ModelFile,
    encoder: Annotated[
        Path | None, typer.Option(help="What `ldl pretrain` wrote; without it, from scratch.")
    ] = None,
    compare: Annotated[
        bool, typer.Option("--compare", help="Also from scratch, as long: did pretraining help?")
    ] = False,
    modality: Modality = None,
    classes: Annotated[
        str, typer.Option(help="Names, by commas, in the order of the masks' values or folders.")
    ] = "",
    split: Annotated[
        Path | None,
        typer.Option(help="A csv: image, and split (train, validation, test) or subject, or both."),
    ] = None,
    folds: Annotated[
        int | None,
        typer.Option(min=1, help="Trainings that test every subject once; 1: test a quarter."),
    ] = None,
    pixel_size: PixelSize = None,
    size: Side = None,
    base: Base = None,
    steps: Annotated[int, typer.Option(min=1, help="Updates of the optimizer.")] = 600,
    seed: Annotated[int, typer.Option(help="Of split, start and order.")] = 0,
    profile: Profile = "open",
    device: Device = "auto",
    leave_out: LeaveOut = False,
) -> None:
    """Train a segmenter on your own masks and score it on images that it never saw.

    Training, validation and test share no subject, as far as the names show it. Card, scores and
    figures come to lie beside the model. Interrupted, the same command goes on.
    """
    given = dict(locals())
    from ldl.own.finetuning import finetune as work

    given["classes"] = [one.strip() for one in classes.split(",")] if classes else ()
    work(**given, say=typer.echo)


def segment(
    images: Annotated[list[Path], typer.Argument(help="Images, volumes, or folders of them.")],
    model: Annotated[Path, typer.Option(help="What `ldl finetune` or `ldl guide` wrote.")],
    output: Folder,
    pixel_size: PixelSize = None,
    device: Device = "auto",
    leave_out: LeaveOut = False,
) -> None:
    """Segment images: masks at each file's size, overlays, and a csv of areas."""
    given = dict(locals())
    from ldl.own.segmenting import segment as work

    work(**given, say=typer.echo)


def guide(
    images: Annotated[Path, typer.Argument(help="Your eye photographs, in colour.")],
    masks: Annotated[
        Path, typer.Argument(help="Masks whose shape is looked for, of any other images.")
    ],
    output: ModelFile,
    size: Side = None,
    steps: Annotated[int | None, typer.Option(min=1, help="In each of the two steps.")] = None,
    seed: Seed = 0,
    profile: Profile = "open",
    device: Device = "auto",
    leave_out: LeaveOut = False,
) -> None:
    """Segment vessels without a mask of your images, by the shape of other masks (LDL 6.2).

    The watch says whether what came out looks like the masks; `ldl segment` uses the model.
    """
    given = dict(locals())
    from ldl.own.guiding import guide as work

    work(**given, say=typer.echo)


def export(
    model: Annotated[Path, typer.Argument(help="What `ldl pretrain` or `ldl finetune` wrote.")],
    to: Annotated[
        str, typer.Option(help="timm, smp (segmentation_models_pytorch), monai, nnunet or onnx.")
    ],
    output: Folder,
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
    encoder: Encoder,
    output: Annotated[Path, typer.Option("--output", "-o", help="A .npz or .csv file.")],
    leave_out: LeaveOut = False,
    device: Device = "auto",
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
