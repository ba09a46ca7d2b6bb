"""``ldl methods`` and ``ldl pretrain``."""

import textwrap
from pathlib import Path
from typing import Annotated, Any

import typer

from ldl.cli.run import DEVICE, PROFILE

WIDTH = 100
# Written out, since the methods themselves take seconds to import; a test compares.
NAMES = (
    "pd, pd+mix, rd, pd+mix+ms, pd+mix+ms+cs, densecl, embinva, instdisc, moco, mocov2, rotori, "
    "simclr, byol, simsiam, relative-location, rotation, genesis or mae"
)
MODALITY = (
    "fundus (colour, cropped to the field of view), colour, xray (any gray image) or ct (NIfTI); "
    "gray, colour and ct are told from the files."
)
_LEGEND = (
    "MFLOP: a million operations of a step, forward and backward, for each image it draws, at the "
    "sizes of profile demo (fundus, 48 pixels, VGG16 or, for mae, ViT of base 4). Cost: the same "
    "over that of {reference}. Weights: those that are trained, heads included."
)


def methods(
    cost: Annotated[bool, typer.Option(help="Count what a step costs; takes seconds.")] = True,
) -> None:
    """List the pretraining methods with paper, level of contrast and cost of a step."""
    from ldl.methods import COMPARISONS, METHODS

    title = f"{'MFLOP':>7}{'cost':>7}{'weights':>10}" if cost else ""
    typer.echo(f"{'method':<19}{'level':<15}{title}  paper")
    every: dict[str, Any] = {**METHODS, **COMPARISONS}
    for name, method in every.items():
        start = f"{name:<19}{method.level:<15}{_numbers(name) if cost else ''}  "
        paper = textwrap.wrap(method.paper, WIDTH - len(start))
        typer.echo(start + f"\n{' ' * len(start)}".join(paper))
    if cost:
        from ldl.report.networks import REFERENCE

        typer.echo(f"\n{textwrap.fill(_LEGEND.format(reference=REFERENCE), WIDTH)}")


def _numbers(name: str) -> str:
    from ldl.report.networks import REFERENCE, cost_of

    cost, reference = cost_of(name), cost_of(REFERENCE)
    assert reference is not None, "the reference is trained"
    if cost is None:
        return f"{'-':>7}{'-':>7}{'-':>10}"
    ratio = cost.flop_an_image / reference.flop_an_image
    return f"{cost.flop_an_image / 1e6:>7.1f}{ratio:>7.2f}{cost.parameters:>10,}"


def pretrain(
    folder: Annotated[
        Path, typer.Argument(help="Your images, or CT volumes as NIfTI, in any subfolders.")
    ],
    output: Annotated[Path, typer.Argument(help="The encoder, a .safetensors file.")],
    modality: Annotated[str | None, typer.Option(help=MODALITY)] = None,
    method: Annotated[str, typer.Option(help=f"{NAMES}.")] = "pd+mix",
    size: Annotated[
        int | None, typer.Option(min=32, max=2048, help="Side of the squares images become.")
    ] = None,
    crop: Annotated[int | None, typer.Option(min=32, help="Side of the views.")] = None,
    base: Annotated[int | None, typer.Option(min=1, help="Width; 64 is the published one.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Of the optimizer.")] = None,
    seed: Annotated[int, typer.Option(help="Of everything drawn.")] = 0,
    profile: Annotated[str, PROFILE] = "open",
    device: Annotated[str, DEVICE] = "auto",
    leave_out: Annotated[
        bool, typer.Option("--leave-out", help="Name files that cannot be read and go on.")
    ] = False,
) -> None:
    """Pretrain on your own images; a model card comes to lie beside the encoder.

    What is not said stands as in the profile. Interrupted, the same command goes on.
    """
    from ldl.own.pretraining import pretrain as work

    work(
        folder,
        output,
        modality=modality,
        method=method,
        size=size,
        crop=crop,
        base=base,
        steps=steps,
        seed=seed,
        profile=profile,
        device=device,
        leave_out=leave_out,
        say=typer.echo,
    )
