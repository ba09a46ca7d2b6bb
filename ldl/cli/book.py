"""``ldl book``: execute the notebooks, build the book, run one notebook with parameters."""

import time
from pathlib import Path
from typing import Annotated

import typer

from ldl import paths
from ldl.cli.options import Profile
from ldl.errors import LdlError
from ldl.tables import PAGES

app = typer.Typer(no_args_is_help=True, help="Execute the notebooks and build the book.")

FREE = {"allow_extra_args": True, "ignore_unknown_options": True}


@app.command()
def build(
    profile: Profile = "demo",
    jobs: Annotated[int, typer.Option(min=1, help="Notebooks executed at a time.")] = 2,
    so_far: Annotated[
        bool, typer.Option("--so-far", help="Only the pages whose tables are complete.")
    ] = False,
) -> None:
    """Execute every notebook that is not fresh, then build the HTML; a warning is an error."""
    from ldl.book import build as book
    from ldl.book import growing

    if not paths.in_checkout():
        raise LdlError("the book is built from a checkout of the repository, and this is none")
    paths.writable(paths.executed_dir(), "LDL_EXECUTED")
    start = time.monotonic()
    names = book.notebooks()
    made = growing.ready(names, profile) if so_far else names
    planned = [book.job(name, profile) for name in made]
    ended = book.execute_stale(planned, paths.executed_dir(), workers=jobs, say=typer.echo)
    failed = [outcome.name for outcome in ended if outcome.failure]
    if failed:
        raise LdlError(f"the book is not built: failed notebooks: {', '.join(failed)}")
    missing = growing.stand_in(names, paths.executed_dir())
    index = book.build_html(paths.repo_root(), paths.repo_root(), whole=not so_far)
    typer.echo(
        f"{len(ended)} of {len(planned)} notebooks executed, {time.monotonic() - start:.0f} s"
    )
    tables = ", ".join(table for table, page in PAGES.values() if page in made)
    shown = f" so far, with {tables or 'no table'}" if missing else ""
    typer.echo(f"the book{shown}: {index}")


@app.command(context_settings=FREE)
def run(
    context: typer.Context,
    notebook: Annotated[str, typer.Argument(help="A name in notebooks/, or a path.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Default: NOTEBOOK.ipynb here.")
    ] = None,
    show: Annotated[bool, typer.Option("--parameters", help="List its parameters only.")] = False,
) -> None:
    """Execute one notebook by papermill: ldl book run pretrain_encoder -p seed 1 -p profile smoke

    ``-p NAME VALUE`` sets a parameter; a misspelt name or a value of another kind is refused.
    """
    from ldl.book import execute, parameters

    path = parameters.notebook_path(notebook)
    if show:
        for one in parameters.declared(path).values():
            typer.echo(f"{one.name} = {one.default!r}  ({' | '.join(one.kinds) or 'anything'})")
        return
    given = parameters.parse(_pairs(context.args), path)
    target = (output or Path(f"{path.stem}.ipynb")).resolve()
    execute.refuse_output(target)
    parameters.set_environment()
    outcome = execute.execute(path, target, given)
    if outcome.failure:
        raise LdlError(outcome.failure)
    typer.echo(f"{target} ({outcome.seconds:.0f} s)")


def _pairs(rest: list[str]) -> list[tuple[str, str]]:
    """``-p NAME VALUE`` as often as it was given."""
    pairs = []
    while rest:
        if rest[0] not in ("-p", "--parameter") or len(rest) < 3:
            raise LdlError(f"cannot read {' '.join(rest)!r}; parameters are given as -p NAME VALUE")
        pairs.append((rest[1], rest[2]))
        rest = rest[3:]
    return pairs
