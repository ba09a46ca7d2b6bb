"""``ldl methods`` and ``ldl pretrain``."""

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ldl.cli.run import DEVICE, PROFILE
from ldl.errors import LdlError

if TYPE_CHECKING:
    from ldl.runs.pretrain import EncoderConfig

WIDTH = 100
# Written out, since the methods themselves take seconds to import; a test compares.
NAMES = (
    "pd, pd+mix, rd, pd+mix+ms, pd+mix+ms+cs, densecl, embinva, instdisc, moco, mocov2, rotori, "
    "simclr, byol, simsiam, relative-location, rotation, genesis or mae"
)
_LEGEND = (
    "MFLOP: a million operations of a step, forward and backward, for each image it draws, at the "
    "sizes of profile demo (fundus, 48 pixels, VGG16 or, for mae, ViT of base 4). Cost: the same "
    "over that of {reference}. Weights: those that are trained, heads included."
)


def register(app: typer.Typer) -> None:
    """Put the commands on ``app``."""
    for command in (methods, pretrain):
        app.command()(command)


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
        from ldl.report.costs import REFERENCE

        typer.echo(f"\n{textwrap.fill(_LEGEND.format(reference=REFERENCE), WIDTH)}")


def _numbers(name: str) -> str:
    from ldl.report.costs import REFERENCE, cost_of

    cost, reference = cost_of(name), cost_of(REFERENCE)
    assert reference is not None, "the reference is trained"
    if cost is None:
        return f"{'-':>7}{'-':>7}{'-':>10}"
    ratio = cost.flop_an_image / reference.flop_an_image
    return f"{cost.flop_an_image / 1e6:>7.1f}{ratio:>7.2f}{cost.parameters:>10,}"


def pretrain(
    folder: Annotated[Path, typer.Argument(help="Your images, in any subfolders.")],
    output: Annotated[
        Path,
        typer.Argument(help="A .safetensors file: the weights named encoder.* are what transfers."),
    ],
    modality: Annotated[str, typer.Option(help="fundus (colour, cropped) or xray (gray).")],
    method: Annotated[str, typer.Option(help=f"{NAMES}.")] = "pd+mix",
    profile: Annotated[str, PROFILE] = "open",
    steps: Annotated[int | None, typer.Option(min=1, help="Instead of the profile's.")] = None,
    device: Annotated[str, DEVICE] = "auto",
    leave_out: Annotated[
        bool, typer.Option("--leave-out", help="Name files that cannot be read and go on.")
    ] = False,
) -> None:
    """Pretrain on your own images, with the sizes of a profile; interrupted, it goes on."""
    from ldl.methods import COMPARISONS
    from ldl.own.pretraining import pretrain_folder

    if modality not in ("fundus", "xray"):
        raise LdlError(f"--modality is {modality!r}; use fundus or xray")
    config = _planned(method, modality, profile, steps)
    made = pretrain_folder(
        folder, config, output, device=device, leave_out=leave_out, say=typer.echo
    )
    found = "images" if method in COMPARISONS else "patches"
    typer.echo(
        f"{made.path}: {made.images} images; {made.retrieval:.0%} of held-out {found} find "
        f"themselves ({made.retrieval_before:.0%} before)"
    )
    if made.collapsed:
        typer.echo("all images ended with nearly the same vector: train longer, or on more images")


def _planned(method: str, modality: str, profile: str, steps: int | None) -> "EncoderConfig":
    """What ``profile`` plans for ``method``, refused where a folder of images is not enough."""
    from ldl.config import build
    from ldl.engine.profiles import profile_named
    from ldl.methods import COMPARISONS, METHODS
    from ldl.tables.encoders import Variant, comparison_config, ldl_config

    if method not in METHODS and method not in COMPARISONS:
        raise LdlError(f"--method is {method!r}; use {NAMES}")
    compared = COMPARISONS.get(method)
    if compared and not compared.trains:
        raise LdlError(f"--method {method} is a start that is not trained; use {NAMES}")
    if compared and compared.labels:
        raise LdlError(
            f"--method {method} learns from labels, which a folder of images does not have; "
            f"use {NAMES}"
        )
    variant = Variant(method, clusters=16 if method == "rd" else 0)  # type: ignore[arg-type]
    plan = ldl_config if method in METHODS else comparison_config
    planned = plan(variant, modality, profile_named(profile))  # type: ignore[arg-type]
    fields = {name: getattr(planned, name) for name in type(planned).model_fields}
    if method == "mae":
        fields["backbone"] = "vit"
    if steps is not None:
        fields |= {"steps": steps, "halve_every": max(1, steps // 2)}
    return build(type(planned), fields)
