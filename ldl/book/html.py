"""The HTML: jupyter-book over executed notebooks, every warning an error."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from ldl.errors import LdlError

LINES = 30  # of the builder's complaints that are shown


def build_html(root: Path, output: Path) -> Path:
    """Build the book whose ``_config.yml`` and ``_toc.yml`` lie in ``root`` below ``output``.

    Returns the absolute path of ``index.html``.

    Raises:
        LdlError: the builder warned or failed; the message holds its complaints.
    """
    command = [_builder(), "build", str(root), "--path-output", str(output)]
    command += ["--warningiserror", "--nitpick", "--keep-going", "--quiet"]
    ran = subprocess.run(command, capture_output=True, text=True, env=_environment(), check=False)
    if ran.returncode:
        # The builder remembers the pages it has read and would not warn about them again.
        shutil.rmtree(output / "_build" / ".doctrees", ignore_errors=True)
        raise LdlError(f"the book does not build without warnings:\n{_complaints(ran, root)}")
    return (output / "_build" / "html" / "index.html").resolve()


def _builder() -> str:
    """The jupyter-book of this environment, whether or not it is activated."""
    beside = Path(sys.executable).parent / "jupyter-book"
    return str(beside) if beside.is_file() else "jupyter-book"


def _environment() -> dict[str, str]:
    """Without colours, which would stand in the messages as escape codes."""
    return os.environ | {"NO_COLOR": "1", "PYTHONWARNINGS": "ignore::DeprecationWarning"}


def _complaints(ran: subprocess.CompletedProcess[str], root: Path) -> str:
    """The builder's warnings and errors, or the end of what it said."""
    lines = (ran.stdout + ran.stderr).replace(f"{root}/", "").splitlines()
    telling = [line for line in lines if "WARNING" in line or "ERROR" in line]
    return "\n".join((telling or lines)[-LINES:])
