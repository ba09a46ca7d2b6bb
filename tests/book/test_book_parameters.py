"""A misspelt or mistyped parameter never starts a run, by whichever door it comes."""

import subprocess
import sys
from pathlib import Path

import nbformat
import papermill
import pytest
from typer.testing import CliRunner

from ldl.book import parameters
from ldl.book.execute import execute
from ldl.cli.book import app
from ldl.errors import ConfigError, LdlError

CHECK = 'from ldl.book import parameters\nparameters.check("{path}", globals())'


def test_declared_reads_names_defaults_and_kinds(write) -> None:
    found = parameters.declared(write("tiny", "pass"))
    assert {name: (p.default, p.kinds) for name, p in found.items()} == {
        "profile": ("demo", ("str",)),
        "seed": (0, ("int",)),
        "rate": (0.5, ("float",)),
        "limit": (None, ("int", "None")),
    }


def test_declared_agrees_with_papermill(write) -> None:
    path = write("tiny", "pass")
    seen = papermill.inspect_notebook(parameters.read_notebook(path))
    found = parameters.declared(path)
    # papermill does not see a parameter whose annotation is a union.
    assert list(seen) == [name for name, one in found.items() if len(one.kinds) == 1]
    for name, row in seen.items():
        assert row["inferred_type_name"] == found[name].kinds[0]


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("seed", "3", 3),
        ("rate", "3", 3),
        ("rate", "1e-3", 1e-3),
        ("profile", "smoke", "smoke"),
        ("profile", "1", "1"),
        ("limit", "None", None),
        ("limit", "7", 7),
    ],
)
def test_parse_reads_the_declared_kind(write, name: str, text: str, value: object) -> None:
    parsed = parameters.parse([(name, text)], write("tiny", "pass"))[name]
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("sed", "3", "did you mean 'seed'"),
        ("proflie", "smoke", "did you mean 'profile'"),
        ("seed", "three", "'seed' wants int"),
        ("seed", "1.5", "'seed' wants int"),
        ("seed", "true", "'seed' wants int"),
        ("rate", "fast", "'rate' wants float"),
        ("limit", "few", "'limit' wants int or None"),
    ],
)
def test_parse_refuses(write, name: str, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as refusal:
        parameters.parse([(name, text)], write("tiny", "pass"))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("given", [{"sed": 1}, {"seed": "1"}, {"seed": True}, {"seed": None}])
def test_execute_refuses_before_a_kernel_starts(write, folders: Path, given: dict) -> None:
    with pytest.raises(ConfigError):
        execute(write("tiny", "pass"), folders / "tiny.ipynb", given)
    assert not (folders / "tiny.ipynb").exists()


def test_check_reads_what_papermill_injected() -> None:
    # A name of the reader's own in a live session is no parameter; one that papermill set is.
    names = {"profile": "demo", "seed": 0, "mine": "x", "In": ["", "mine = 'x'"]}
    parameters.check("data_phantoms", {**names, "In": [""]} | {"mine": "x"})
    with pytest.raises(ConfigError, match="no parameter 'mine'"):
        parameters.check("data_phantoms", {**names, "In": ["", "# Parameters\nmine = 'x'"]})


@pytest.mark.parametrize(
    ("given", "message"),
    [("sed 1", "did you mean 'seed'"), ("seed abc", "'seed' wants int")],
)
def test_papermill_itself_is_refused_by_the_notebook(write, folders, given, message) -> None:
    path = write("tiny", CHECK.format(path=folders / "tiny.py"), "print('reached')")
    ready = folders / "ready.ipynb"
    nbformat.write(parameters.read_notebook(path), ready)
    command = [sys.executable, "-m", "papermill", str(ready), str(folders / "out.ipynb")]
    ran = subprocess.run(
        [*command, "-p", *given.split(), "--no-progress-bar"], capture_output=True, text=True
    )
    assert ran.returncode != 0
    assert message in ran.stderr
    assert '"text": "reached' not in (folders / "out.ipynb").read_text()


def test_run_executes_with_parameters(write, folders: Path) -> None:
    path = write("tiny", "print(profile, seed + 1, rate)")
    out = folders / "out.ipynb"
    given = ["-p", "seed", "41", "-p", "profile", "smoke"]
    ran = CliRunner().invoke(app, ["run", str(path), "--output", str(out), *given])
    assert ran.exit_code == 0, ran.output
    text = [o["text"] for c in nbformat.read(out, 4).cells for o in c.get("outputs", [])]
    assert text == ["smoke 42 0.5\n"]


def test_run_lists_parameters(write) -> None:
    shown = CliRunner().invoke(app, ["run", str(write("tiny", "pass")), "--parameters"])
    assert "limit = None  (int | None)" in shown.output


@pytest.mark.parametrize(
    "given", [["-p", "sed", "1"], ["-p", "seed", "x"], ["-p", "seed"], ["--sede", "1"]]
)
def test_run_refuses(write, given: list[str]) -> None:
    ran = CliRunner().invoke(app, ["run", str(write("tiny", "pass")), *given])
    assert isinstance(ran.exception, LdlError)


def test_an_unknown_notebook_is_named_with_those_there_are() -> None:
    with pytest.raises(LdlError, match=r"no notebook nowhere; there are: .*method_lrc"):
        parameters.notebook_path("nowhere")


def test_papermill_reads_py_notebooks_through_the_entry_point(write, folders: Path) -> None:
    from papermill.iorw import papermill_io

    for written in ("notebooks/summary.py", "./notebooks/summary.py"):
        assert type(papermill_io.get_handler(written)).__name__ == "NotebookHandler"
    path = write("tiny", "pass")
    from ldl.book.handler import handler

    assert nbformat.reads(handler.read(str(path)), 4).cells[-1].source == "pass"
