"""A notebook is executed when something it depends on changed, and only then; a failure is told."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest

from ldl.book import build
from ldl.book.build import Entry, Ledger
from ldl.errors import LdlError


@pytest.fixture
def jobs(write, folders: Path) -> list[build.Job]:
    """Two pages and a report."""
    sources = [write("one", "print(seed)"), write("two", "2"), write("summary", "3")]
    return [build.Job(path.stem, path, {"seed": 5}) for path in sources]


def names(folders: Path, jobs: list[build.Job]) -> list[str]:
    """Notebooks that a build would execute now."""
    return [one.name for one in build.stale(jobs, Ledger(folders / "executed"))]


def quiet(_: str) -> None:
    """Say nothing."""


@pytest.fixture
def built(jobs, folders: Path) -> list[build.Job]:
    """The jobs, executed once, without kernels: only the ledger and the files matter here."""
    ledger = Ledger(folders / "executed")
    for one in jobs:
        (folders / "executed").mkdir(exist_ok=True)
        (folders / "executed" / f"{one.name}.ipynb").write_text("{}")
        parts = build.parts_of(one, build.shared_parts(), ledger)
        ledger.write(one.name, Entry(parts, 1.0, f"end of {one.name}"))
    return jobs


def test_reports_come_last_and_everything_is_fresh_after(jobs, folders: Path) -> None:
    said: list[str] = []
    ended = build.execute_stale(jobs, folders / "executed", workers=1, say=said.append)
    assert [outcome.name for outcome in ended] == ["one", "two", "summary"]
    assert "notebook one: not executed yet" in said
    assert names(folders, jobs) == []
    notebook = nbformat.read(folders / "executed" / "one.ipynb", 4)
    assert notebook.cells[-1].outputs[0]["text"] == "5\n"
    assert str(folders) not in json.dumps(notebook)
    assert build.execute_stale(jobs, folders / "executed", workers=1, say=quiet) == []


def test_two_are_executed_at_a_time(jobs, folders: Path) -> None:
    ended = build.execute_stale(jobs[:2], folders / "executed", workers=2, say=quiet)
    assert sorted(outcome.name for outcome in ended) == ["one", "two"]
    assert not any(outcome.failure for outcome in ended)


def test_kernels_begin_with_what_pages_import_and_share_no_more(write, folders: Path) -> None:
    begun = (
        "import os, sys; assert {'torch', 'ldl.report'} <= set(sys.modules); 'left' in vars(sys)"
    )
    cells = (begun, "sys.left = True", begun)
    jobs = [build.Job(path.stem, path, {}) for path in (write("one", *cells), write("two", *cells))]
    ended = build.execute_stale(jobs, folders / "executed", workers=1, say=quiet)
    assert [outcome.failure for outcome in ended] == ["", ""]
    for name in ("one", "two"):
        shown = nbformat.read(folders / "executed" / f"{name}.ipynb", 4).cells
        found = [
            out["data"]["text/plain"]
            for cell in shown
            for out in cell.get("outputs", [])
            if "data" in out
        ]
        assert found == ["False", "True"]


def test_nothing_changed_nothing_stale(built, folders: Path) -> None:
    assert names(folders, built) == []


def test_source_parameters_and_lost_file(built, folders: Path) -> None:
    one, two, report = built
    one.source.write_text(one.source.read_text() + "# more\n")
    assert names(folders, built) == ["one"]
    assert names(folders, [replace(two, parameters={"seed": 6})]) == ["two"]
    (folders / "executed" / "summary.ipynb").unlink()
    assert names(folders, [two, report]) == ["summary"]


def test_a_record_makes_all_stale(built, folders: Path) -> None:
    record = folders / "results" / "phantom" / "run.json"
    record.parent.mkdir(parents=True)
    record.write_text("{}")
    assert names(folders, built) == ["one", "two", "summary"]


@pytest.mark.parametrize("part", ["code", "environment"])
def test_package_and_lock_make_all_stale(built, folders: Path, monkeypatch, part: str) -> None:
    monkeypatch.setattr(build, part, lambda: "other")
    assert names(folders, built) == ["one", "two", "summary"]
    key = "package" if part == "code" else part
    assert {one.reason for one in build.stale(built, Ledger(folders / "executed"))} == {
        f"changed: {key}"
    }


def test_another_page_makes_the_report_stale(built, folders: Path) -> None:
    ledger = Ledger(folders / "executed")
    ledger.write("one", replace(ledger.entries["one"], finished="later"))
    assert names(folders, built) == ["summary"]


def test_records_of_its_own_do_not_make_a_notebook_stale(write, folders: Path) -> None:
    own = 'import os, pathlib\nd = pathlib.Path(os.environ["LDL_RESULTS"])\n'
    own += '(d / "open").mkdir(parents=True)\n(d / "open" / "own.json").write_text("{}")'
    jobs = [build.Job("own", write("own", own), {})]
    assert len(build.execute_stale(jobs, folders / "executed", workers=1, say=quiet)) == 1
    assert names(folders, jobs) == []


def test_a_damaged_ledger_means_execute_again(built, folders: Path) -> None:
    (folders / "executed" / "ledger.json").write_text('{"one": [')
    assert names(folders, built) == ["one", "two", "summary"]


def test_failure_names_cell_and_error_and_keeps_the_old_page(write, folders: Path) -> None:
    executed = folders / "executed"
    executed.mkdir()
    (executed / "bad.ipynb").write_text("old")
    long = "\n".join(f"a{i} = {i}" for i in range(40))
    jobs = [build.Job("bad", write("bad", "1", f"{long}\nraise ValueError('too few')"), {})]
    (outcome,) = build.execute_stale(jobs, executed, workers=1, say=quiet)
    assert "notebook bad: cell 4 failed: ValueError: too few" in outcome.failure
    assert "(27 more lines)" in outcome.failure
    assert outcome.failure.count("\n") < 40
    assert "\x1b" not in outcome.failure
    assert (executed / "bad.ipynb").read_text() == "old"
    assert (executed / "bad.failed.ipynb").is_file()
    assert names(folders, jobs) == ["bad"]


def test_a_failure_stops_the_reports(write, folders: Path) -> None:
    jobs = [build.Job(n, write(n, c), {}) for n, c in [("bad", "1 / 0"), ("summary", "1")]]
    ended = build.execute_stale(jobs, folders / "executed", workers=1, say=quiet)
    assert [outcome.name for outcome in ended] == ["bad"]


def test_a_dead_kernel_is_a_failure(write, folders: Path) -> None:
    job = build.Job("dead", write("dead", "import os\nos._exit(9)"), {})
    (outcome,) = build.execute_stale([job], folders / "executed", workers=1, say=quiet)
    assert "notebook dead: its kernel died" in outcome.failure


LATE = """
import os, sys, time
from multiprocessing import parent_process
from ldl.book import kernels
from ldl.forks import forks

def serve_late(options, folder):
    while parent_process().is_alive():
        time.sleep(0.02)
    kernels._serve(options, folder, dict(os.environ))

if __name__ == "__main__":
    told = (["-f", "kernel.json"], sys.argv[1])
    forks([]).Process(target=serve_late, args=told, daemon=True).start()
    os._exit(0)
"""


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds processes in /proc")
def test_a_kernel_whose_build_is_gone_before_it_looks_ends(tmp_path: Path) -> None:
    def left() -> list[int]:
        found = []
        for each in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):
                found += [int(each.parent.name)] * (mark in each.read_bytes())
        return found

    mark = f"LDL_TEST_MARK={tmp_path}".encode()
    (tmp_path / "late.py").write_text(LATE)
    environment = os.environ | {"LDL_TEST_MARK": str(tmp_path)}
    subprocess.run([sys.executable, tmp_path / "late.py", tmp_path], env=environment, check=True)
    until = time.monotonic() + 20
    while (pids := left()) and time.monotonic() < until:
        time.sleep(0.1)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    assert pids == []


def test_profile_goes_to_notebooks_that_declare_it(write) -> None:
    assert build.job(str(write("with_profile", "1")), "smoke").parameters == {"profile": "smoke"}
    assert build.job(str(write("without", header="1")), "smoke").parameters == {}


def test_unknown_page_in_the_toc_is_refused(folders: Path) -> None:

    (folders / "_toc.yml").write_text("format: jb-book\nroot: book/executed/nowhere\n")
    with pytest.raises(LdlError, match=r"no notebooks/nowhere\.py"):
        build.notebooks(folders / "_toc.yml")
