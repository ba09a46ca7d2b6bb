"""The ``smoke`` profile: every run, a kept record of each kind, every notebook, and the book."""

import json
import math
import re
import shutil
import subprocess
import sys
from collections.abc import Set
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest
import torch

from ldl.book import build, parameters
from ldl.book.build import build_html
from ldl.engine.store import RunStore
from ldl.paths import repo_root, results_dir
from tests.golden.test_golden import golden, kinds

ROOT = repo_root()
NAMES = build.notebooks()
WARNING = re.compile(r"Traceback|Warning|\bERROR\b")
# What is no number of the run (its id hangs on every field of the config), or tells of the machine.
_NOT_COMPARED = (
    "config",
    "provenance",
    "wall_seconds",
    "code",
    "phantoms",
    "version",
    "seconds_per_slice",
)
# Peaks of the nearly flat maps of an almost untrained network, and what is read off one: other
# kernels' rounding moves them anywhere, so elsewhere they are compared in number only.
_PEAKS = {
    *("accuracy", "accuracy_found", "distance_of", "found", "mean_accuracy"),
    *("mean_error", "mean_error_windows", "sharpness_of"),
}
_JUMPS = {
    "ComparisonConfig-supervised": {"named"},
    "LocalizeConfig-centred": _PEAKS,
    "LocalizeConfig-embedding": _PEAKS,
    "LocalizeConfig-features": _PEAKS,
    "ProbeConfig": {"end", "own", "own_fall"},
}
_CPU = Path("/proc/cpuinfo")
_WHERE = {
    "torch": torch.__version__,
    "cpu": torch.backends.cpu.get_cpu_capability(),
    # Of one capability two makes and two caches round otherwise; a name alone may say "AMD EPYC".
    "core": re.findall(
        r"(?:vendor_id|cpu family|model|stepping|cache size)\s*: (.*)",
        _CPU.read_text().partition("\n\n")[0] if _CPU.exists() else "",
    ),
}


@pytest.fixture(scope="session")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the book's sources, all notebooks executed: a clean cache, and no data at hand."""
    root = tmp_path_factory.mktemp("smoke")
    folders = {
        "LDL_CACHE": root / "cache",
        "LDL_DATA": root / "data",
        "LDL_EXECUTED": root / build.EXECUTED,
        "LDL_RESULTS": results_dir(),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, folder in folders.items():
            patch.setenv(name, str(folder))
        # An edit while the tests run is no reason to execute everything again.
        patch.setattr(build, "code", lambda: "the package")
        # The executor sets them; here they are taken back after.
        for name in parameters.THREADS:
            patch.setenv(name, "1")
        for name in parameters.PRIVATE:
            patch.setenv(name, str(root / "private"))
        command = [Path(sys.executable).parent / "ldl", "run", "all", "--profile", "smoke"]
        command += ["--device", "cpu"]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr[-3000:]
        jobs = [build.job(name, "smoke") for name in NAMES]
        ended = build.execute_stale(jobs, folders["LDL_EXECUTED"], workers=2)
        (root / "failures").mkdir()
        for outcome in ended:
            if outcome.failure:
                (root / "failures" / outcome.name).write_text(outcome.failure)
    return root


def executed(smoke: Path, name: str) -> nbformat.NotebookNode:
    """The executed notebook, or a test that fails with the cell and its error."""
    failure = smoke / "failures" / name
    if failure.is_file():
        pytest.fail(failure.read_text(), pytrace=False)
    return nbformat.read(smoke / build.EXECUTED / f"{name}.ipynb", as_version=4)


@pytest.mark.parametrize("name", NAMES)
def test_source(name: str) -> None:
    """A title first, parameters that papermill sees, and refusal of others before all else."""
    notebook = parameters.read_notebook(parameters.notebook_path(name))
    assert notebook.cells[0].source.startswith("# ")
    declared = parameters.declared(name)
    assert declared["profile"].default == "demo"
    assert set(papermill.inspect_notebook(notebook)) <= set(declared)
    prose = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    # An equation of several lines is set in `split`, where no tag is allowed.
    equations = re.findall(r"\$\$.*?\$\$", prose, re.DOTALL)
    assert [one for one in equations if r"\\" in one and r"\tag" in one] == []
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    assert re.search(rf'\bcheck\("{name}", globals\(\)\)', code[1])


@pytest.mark.parametrize("name", NAMES)
def test_runs_under_smoke(smoke: Path, name: str) -> None:
    """It runs to its end without a word on stderr, and every picture has a text alternative."""
    outputs = [o for cell in executed(smoke, name).cells for o in cell.get("outputs", [])]
    spoken = [o["text"] for o in outputs if o.get("name") == "stderr"]
    assert [text for text in spoken if WARNING.search(text)] == []
    for output in outputs:
        data = output.get("data", {})
        assert "image/png" not in data or "text/html" in data, "a picture without alternative text"
        pictures = re.findall(r"<(?:img|svg)\b[^>]*>", data.get("text/html", ""))
        assert [
            p for p in pictures if not re.search(r'(alt|aria-label|aria-hidden)="[^"]', p)
        ] == []


@pytest.mark.parametrize("name", NAMES)
def test_page_names_no_folder_of_this_machine(smoke: Path, name: str) -> None:
    text = nbformat.writes(executed(smoke, name))
    assert [folder for folder in (str(ROOT), str(smoke), str(Path.home())) if folder in text] == []


def test_the_book_builds_without_warnings(smoke: Path) -> None:
    for name in NAMES:
        executed(smoke, name)
    for name in ("_config.yml", "_toc.yml"):
        shutil.copy(ROOT / name, smoke / name)
    # Pages link to these files, and show parts of this one.
    shutil.copytree(ROOT / "ldl" / "methods", smoke / "ldl" / "methods", dirs_exist_ok=True)
    (smoke / "benchmarks").mkdir(exist_ok=True)
    shutil.copy(ROOT / "benchmarks" / "README.md", smoke / "benchmarks")
    ignored = shutil.ignore_patterns("executed")
    shutil.copytree(ROOT / "book", smoke / "book", ignore=ignored, dirs_exist_ok=True)
    index = build_html(smoke, smoke)
    assert all((index.parent / f"{page}.html").is_file() for page in build.pages())


@pytest.mark.parametrize("kind", sorted(kinds()))
def test_record(smoke: Path, kind: str) -> None:
    """The same numbers from the same seed, to the last digit that a record keeps."""
    made = RunStore(smoke / "cache" / "runs").record(kinds()[kind])
    assert made is not None
    record = _numbers(made)
    text = json.dumps({"where": _WHERE, "record": record}, indent=1, sort_keys=True) + "\n"
    kept = json.loads(golden(f"records/{kind}.json", text))
    known = _numbers(kept["record"])
    if kept["where"] == _WHERE:
        assert record == known
    else:  # Other kernels round otherwise.
        _close(record, known, kind, _JUMPS.get(kind, set()))


def _numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _numbers(v) for k, v in value.items() if k not in _NOT_COMPARED}
    return [_numbers(one) for one in value] if isinstance(value, list) else value


def _close(found: Any, kept: Any, where: str, jumps: Set[str], within: float = 0.02) -> None:
    if isinstance(kept, dict):
        assert set(found) == set(kept), where
        for key, value in kept.items():
            bound = math.inf if key in jumps else within
            _close(found[key], value, f"{where}.{key}", jumps, bound)
    elif isinstance(kept, list):
        assert len(found) == len(kept), where
        for one, other in zip(found, kept, strict=True):
            _close(one, other, where, jumps, within)
    elif isinstance(kept, float):
        assert math.isinf(within) or found == pytest.approx(kept, rel=within, abs=within), where
    elif not isinstance(kept, (int, str)):
        assert found == kept, where
