"""``ldl methods``."""

import textwrap
from typing import Annotated

import typer

WIDTH = 100
_LEGEND = (
    "MFLOP: a million operations of a step, forward and backward, for each image it draws, at the "
    "sizes of profile demo (fundus, 48 pixels, VGG16 or, for mae, ViT of base 4). Cost: the same "
    "over that of {reference}. Weights: those that are trained, heads included."
)


def methods(
    cost: Annotated[bool, typer.Option(help="Count what a step costs; takes seconds.")] = True,
) -> None:
    """List the pretraining methods with paper, level of contrast and cost of a step."""
    from ldl.methods import METHODS
    from ldl.report.networks import REFERENCE, cost_of

    def numbers(name: str) -> str:
        one, reference = cost_of(name), cost_of(REFERENCE)
        if one is None or reference is None:
            return f"{'-':>7}{'-':>7}{'-':>10}"
        ratio = one.flop_an_image / reference.flop_an_image
        return f"{one.flop_an_image / 1e6:>7.1f}{ratio:>7.2f}{one.parameters:>10,}"

    title = f"{'MFLOP':>7}{'cost':>7}{'weights':>10}" if cost else ""
    typer.echo(f"{'method':<19}{'level':<15}{title}  paper")
    for name, method in METHODS.items():
        start = f"{name:<19}{method.level:<15}{numbers(name) if cost else ''}  "
        paper = textwrap.wrap(method.paper, WIDTH - len(start))
        typer.echo(start + f"\n{' ' * len(start)}".join(paper))
    if cost:
        typer.echo(f"\n{textwrap.fill(_LEGEND.format(reference=REFERENCE), WIDTH)}")
