"""The command line: ``ldl``."""

import sys

import typer

from ldl.cli import book, data, localize, pretrain, run
from ldl.errors import LdlError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Local discrimination for medical images: data, runs, tables, book.",
)
app.add_typer(data.app, name="data")
app.add_typer(book.app, name="book")
run.register(app)
pretrain.register(app)
localize.register(app)


def main() -> None:
    """Entry point: an error that the user can mend is one line on stderr and exit code 2."""
    try:
        app()
    except LdlError as error:
        print(f"ldl: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
