"""The order of the house: imports go down only, and it can be drawn from memory."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ldl.paths import repo_root

PACKAGE = repo_root() / "ldl"
# From the ground up; a floor imports itself and those below.
FLOORS = (
    ("paths", "errors", "rng", "ranks", "sphere", "stats", "metrics", "compat", "tasks", "config",
     "forks"),
    ("runs",),
    ("models", "losses"),
    ("data",),
    ("phantoms",),
    ("methods",),
    ("train", "localize"),
    ("engine",),
    ("tables",),
    ("plots",),
    ("own",),
    ("report",),
    ("widgets",),
    ("book",),
    ("cli",),
)  # fmt: skip
HEIGHT = {name: height for height, floor in enumerate(FLOORS) for name in floor}
MODULES = sorted(PACKAGE.rglob("*.py"))
LOADED = """
import sys
from ldl.cli import app
try:
    app()
except SystemExit as end:
    assert not end.code
heavy = {"torch", "pandas", "scipy", "seaborn", "matplotlib", "skimage", "kornia", "ldl.methods"}
print(sorted(heavy & sys.modules.keys()))
"""
MOST_FILES = 24  # flat in one folder; to be lowered, never raised


def imported(path: Path) -> Iterator[str]:
    """The parts of ldl that a module imports, anywhere in it."""
    for line in ast.walk(ast.parse(path.read_text())):
        if isinstance(line, ast.ImportFrom) and (line.module or "").split(".")[0] == "ldl":
            parts = str(line.module).split(".")
            yield from [parts[1]] if len(parts) > 1 else [name.name for name in line.names]
        elif isinstance(line, ast.Import):
            yield from [n.name.split(".")[1] for n in line.names if n.name.startswith("ldl.")]


def test_a_training_on_images_loads_no_more_than_it_needs() -> None:
    late = {"pandas", "nibabel", "pydicom", "matplotlib", "torchmetrics", "torchvision", "lightly"}
    program = f"""
import sys
import ldl.own.pretraining
from ldl.train.device import fabric_for
fabric_for("cpu")
print(sorted({late} & sys.modules.keys()))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_what_forks_begin_with_asks_no_device() -> None:
    """A process that has asked CUDA's driver leaves its forks without one."""
    program = """
import importlib, torch
from ldl.book import kernels
from ldl.data import superpixels
from ldl.engine import runner
def asked(*_, **__):
    raise AssertionError("asked")
for name in ("is_available", "device_count", "init", "_lazy_init"):
    setattr(torch.cuda, name, asked)
for name in {*kernels.IMPORTED, *superpixels.IMPORTED, *runner.IMPORTED}:
    importlib.import_module(name)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_part_has_its_floor() -> None:
    parts = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in MODULES}
    assert parts - {"__init__", "__main__"} == set(HEIGHT)


@pytest.mark.parametrize("part", HEIGHT)
def test_imports_go_down_only(part: str) -> None:
    files = [PACKAGE / f"{part}.py", *(PACKAGE / part).rglob("*.py")]
    upwards = {
        (str(path.relative_to(PACKAGE)), name)
        for path in files
        if path.is_file()
        for name in imported(path)
        if HEIGHT[name] > HEIGHT[part]
    }
    assert upwards == set()


def test_no_folder_is_a_heap() -> None:
    folders = {path.parent for path in MODULES}
    flat = {str(f.relative_to(PACKAGE)): len(list(f.glob("*.py"))) for f in folders}
    assert {name: count for name, count in flat.items() if count > MOST_FILES} == {}


@pytest.mark.parametrize(
    "words", [["--help"], ["status", "--profile", "open"], ["jobs", "--profile", "demo"],
              ["data", "list"]]
)  # fmt: skip
def test_what_computes_nothing_loads_nothing_heavy(words: list[str]) -> None:
    """Half a second is what a person waits without noticing; torch alone takes two."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *words], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
