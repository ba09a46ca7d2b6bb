"""Nothing of the user's own settings reaches a page or an installation."""

import json
import os
import stat
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import nbformat
import pytest

from ldl import paths
from ldl.book import parameters
from ldl.book.execute import execute, refuse_output
from ldl.book.handler import handler
from ldl.errors import LdlError

NOTEBOOK = """# %% tags=["parameters"]
seed = 0

# %%
import os, sys
1
2
print(sys.executable)
os.environ.get("MPLBACKEND")
import matplotlib
matplotlib.rcParams["figure.facecolor"]
"""


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A notebook, and a home full of settings that would change it."""
    monkeypatch.setenv("LDL_CACHE", str(tmp_path / "cache"))
    for name in (*parameters.PRIVATE, *parameters.FOREIGN):
        monkeypatch.setenv(name, str(tmp_path / "home" / name))  # taken back after the test
    ipython = tmp_path / "home" / "IPYTHONDIR" / "profile_default"
    ipython.mkdir(parents=True)
    (ipython / "ipython_config.py").write_text(
        "get_config().InteractiveShell.ast_node_interactivity = 'all'"
    )
    (tmp_path / "home" / "MPLCONFIGDIR").mkdir()
    (tmp_path / "home" / "MPLCONFIGDIR" / "matplotlibrc").write_text("figure.facecolor: red")
    kernel = tmp_path / "home" / "JUPYTER_PATH" / "kernels" / "python3"
    kernel.mkdir(parents=True)
    (kernel / "kernel.json").write_text(json.dumps({"argv": ["/nowhere"], "language": "python"}))
    (tmp_path / "home" / "PYTHONSTARTUP").write_text("print('hello from me')")
    monkeypatch.setenv("MPLBACKEND", "TkAgg")
    path = tmp_path / "page.py"
    path.write_text(NOTEBOOK)
    return path


def test_a_page_is_made_in_an_environment_of_its_own(source: Path, tmp_path: Path) -> None:
    parameters.set_environment(threads=1)
    outcome = execute(source, tmp_path / "out.ipynb", {"seed": 1})
    assert outcome.failure == ""
    cell = nbformat.read(tmp_path / "out.ipynb", as_version=4).cells[-1]
    said = [one.get("text") or one["data"]["text/plain"] for one in cell.outputs]
    assert said == [f"{sys.executable}\n", "'white'"]


def test_papermill_reads_a_notebook_from_any_folder(source: Path) -> None:
    registered = {one.name for one in entry_points(group="papermill.io") if "ldl" in one.value}
    if "/" not in registered:
        pytest.skip("the package was installed before this version")
    assert registered == {"notebooks/", "./", "../", "/"}
    assert nbformat.reads(handler.read(str(source)), as_version=4).cells[-1].source.endswith('"]')
    assert os.environ["IPYTHONDIR"].startswith(str(paths.cache_dir()))


def test_no_output_replaces_a_foreign_file(tmp_path: Path) -> None:
    (tmp_path / "mine.ipynb").write_text('{"metadata": {}, "cells": []}')
    (tmp_path / "folder.ipynb").mkdir()
    for name, said in (
        ("mine.ipynb", "no executed notebook, so it is not replaced"),
        ("folder.ipynb", "a folder; name a file in it"),
        ("page.py", "name a file that ends in .ipynb"),
        ("mine.ipynb/a.ipynb", "cannot be written"),
    ):
        with pytest.raises(LdlError, match=said):
            refuse_output(tmp_path / name)


def test_pip_is_not_led_astray(tmp_path: Path) -> None:
    """The install script with an interpreter that only writes down what it was called with."""
    venv, log = tmp_path / "venv", tmp_path / "log"
    (venv / "bin").mkdir(parents=True)
    stub = venv / "bin" / "python"
    stub.write_text(f'#!/bin/sh\necho "$* PIP_USER=$PIP_USER TARGET=$PIP_TARGET" >> {log}\n')
    stub.chmod(stub.stat().st_mode | stat.S_IEXEC)
    script = paths.repo_root() / "scripts" / "install.sh"
    foreign = {**os.environ, "PIP_USER": "1", "PIP_TARGET": "/nowhere", "PIP_NO_DEPS": "1"}
    subprocess.run(["bash", script, venv, sys.executable], env=foreign, check=True)
    lines = [line for line in log.read_text().splitlines() if " pip " in f" {line} "]
    assert len(lines) == 3
    assert all("PIP_USER=0 TARGET=" in line and "/nowhere" not in line for line in lines)
