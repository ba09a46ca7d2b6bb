"""The command line: ``ldl``."""

import io
import signal
import sys

import typer

from ldl.cli import book, data, doctor, localize, methods, own, run
from ldl.errors import LdlError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Local discrimination for medical images: data, runs, tables, book.",
)
app.add_typer(data.app, name="data")
app.add_typer(book.app, name="book")
for command in (
    *(run.run, run.status, run.jobs, run.job, run.publish),
    *(methods.methods, own.pretrain, own.finetune, own.segment, own.guide),
    *(localize.localize, own.export, own.embed, doctor.doctor),
):
    app.command()(command)


def main() -> None:
    """Entry point: an error that the user can mend is one line on stderr and exit code 2.

    Ctrl-C and SIGTERM end alike: what is done stays, and the same command goes on from there.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a file's name need not be UTF-8
            stream.reconfigure(errors="backslashreplace")
    signal.signal(signal.SIGTERM, _stop)
    try:
        app()
    except SystemExit as error:  # typer turns an interruption into one
        signalled = _interruption(error)
        if signalled is None:
            raise
        print("ldl: stopped; the same command goes on from here", file=sys.stderr)
        sys.exit(143 if "SIGTERM" in str(signalled) else 130)
    except LdlError as error:
        print(f"ldl: {error}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        print(f"ldl: {name}{error.strerror or error}", file=sys.stderr)
        sys.exit(2)


def _interruption(error: BaseException | None) -> KeyboardInterrupt | None:
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error


def _stop(number: int, frame: object) -> None:
    raise KeyboardInterrupt("SIGTERM")


if __name__ == "__main__":
    main()
