"""``ldl localize``: one point of one image, found in others."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ldl import paths
from ldl.cli.options import Device, LeaveOut
from ldl.errors import DataError, LdlError

if TYPE_CHECKING:
    from ldl.data.preprocess import Point
    from ldl.own.locate import Located
    from ldl.tasks import Modality

WINDOW = (
    "Side of the window in pixels of a 512-pixel image: about the size of what is looked for. "
    "The paper has 64 for the optic disc and 128 for the heart."
)


def localize(
    queries: Annotated[list[Path], typer.Argument(help="Images in which to find the point.")],
    encoder: Annotated[
        str, typer.Option(help="A file that `ldl pretrain` wrote, or the id of a run.")
    ],
    support: Annotated[Path, typer.Option(help="The image in which you know the point.")],
    point: Annotated[
        str,
        typer.Option(
            metavar="X,Y",
            help="The point: column, then row, in pixels of the support's file; the centre of the "
            "upper left pixel is 0,0.",
        ),
    ],
    window: Annotated[float, typer.Option(help=WINDOW)] = 64.0,
    modality: Annotated[
        str | None, typer.Option(help="fundus, colour or xray (gray); the encoder's by default.")
    ] = None,
    features: Annotated[
        bool, typer.Option("--features", help="Compare raw encoder features, not the embedding.")
    ] = False,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for the csv and the overlays.")
    ] = Path("localized"),
    leave_out: LeaveOut = False,
    device: Device = "auto",
) -> None:
    """Find a point of one image in others (one-shot localization, LDL sections 5.2 and 6.3).

    Writes localized.csv and an overlay for each query, which the csv names. x counts columns and y
    rows, both from 0 at the centre of the upper left pixel of each file, upright. A query whose map
    shows no single place has the status ambiguous, flat or absent, a reason, and a guess in place
    of x and y.
    """
    from ldl.data.bank import refuse
    from ldl.data.preprocess import picture
    from ldl.engine.store import RunStore
    from ldl.own import finder
    from ldl.own.locate import CSV, Answers, locate, point_inside
    from ldl.train.device import fabric_for

    place = parse_point(point)
    answers = Answers(output, support, queries)
    network = finder.trained(encoder, RunStore())
    kind = checked_modality(modality, network.config.modality, encoder)
    size = network.config.data.size
    side = finder.scaled_window(window, size)
    target = fabric_for(device).device.type
    matcher = finder.matcher_for(network, side, features=features, device=target)
    given = picture(support, kind, size)
    inside = point_inside(given, place)
    faults, lines = list[str](), list[str]()
    with answers.open():
        answers.support(given, place, side)
        for number, path in enumerate(queries):
            try:
                one = locate(matcher, given, inside, picture(path, kind, size), side)
            except DataError as error:
                answers.left_out(path, str(error))
                lines.append(f"left out: {paths.shown(error)}")
                faults.append(str(error))
                continue
            answers.add(number, one, side)
            lines.append(said(one))
        if not leave_out:
            refuse(faults, len(queries))
    typer.echo("\n".join(lines))
    count = len(queries) + 1 - len(faults)
    typer.echo(f"{output / CSV} and {count} overlays; x is the column, y the row")


def parse_point(text: str) -> "Point":
    """``X,Y`` as (row, column)."""
    try:
        x, y = (float(part) for part in text.split(","))
    except ValueError:
        raise LdlError(f"--point is {text!r}; give X,Y, two numbers such as 120,85.5") from None
    if not all(abs(value) < float("inf") for value in (x, y)):
        raise LdlError(f"--point is {text!r}; give two finite numbers")
    return y, x


def checked_modality(wanted: str | None, trained: str, encoder: str) -> "Modality":
    """The encoder's modality, refused where another is asked for."""
    if wanted not in (None, "fundus", "colour", "xray"):
        raise LdlError(f"--modality is {wanted!r}; use fundus, colour or xray")
    if wanted not in (None, trained):
        raise LdlError(f"--modality is {wanted}, but {encoder} was trained on {trained} images")
    return trained  # type: ignore[return-value]


def said(one: "Located") -> str:
    """One line for the terminal."""
    row, column = one.point or one.guess
    where, name = f"x {column:.1f}, y {row:.1f}", paths.shown(one.query.path)
    if one.point:
        return f"{name}: {where} (sharpness {one.answer.sharpness:.2f})"
    return f"{name}: {one.answer.status}, {one.answer.reason}; a guess is {where}"
