"""A page is executed again when a record that it asked for changed; the book grows by tables."""

import sys
import time
from pathlib import Path

import pytest

from ldl.book import build, growing
from ldl.book.build import Ledger, build_html
from ldl.engine.profiles import profile_named
from ldl.engine.store import SCHEMA, RunStore
from ldl.tables import runs_of

SMOKE = profile_named("smoke")
ASKS = """from ldl.engine.profiles import profile_named
from ldl.engine.store import RunStore
from ldl.tables import runs_of
for run in runs_of("lrc_table3", profile_named("smoke")).values(): RunStore().status(run)"""


def make(*runs) -> None:
    for run in runs:
        RunStore().save(run, {"schema": SCHEMA, "version": run.stamp()})


def test_records_that_a_page_asked_for_make_it_stale_and_no_others(write, folders: Path) -> None:
    jobs = [build.Job("asks", write("asks", ASKS), {}), build.Job("none", write("none", "1"), {})]
    executed = folders / "executed"
    ended = build.execute_stale(jobs, executed, workers=1, say=lambda _: None)
    assert [one.failure for one in ended] == ["", ""]
    asked, others = (runs_of(name, SMOKE) for name in ("lrc_table3", "table2"))
    make(*others.values())
    assert build.stale(jobs, Ledger(executed)) == []
    make(next(iter(asked.values())))
    (one,) = build.stale(jobs, Ledger(executed))
    assert (one.name, one.reason) == ("asks", "changed: records")


def test_a_page_is_ready_when_all_of_its_tables_are_complete(folders: Path, monkeypatch) -> None:
    names = build.notebooks()
    assert growing.ready(names, "smoke") == names[:1]
    make(*runs_of("lrc_table3", SMOKE).values())
    made = growing.complete("smoke")
    assert [name for name, whole in made.items() if whole] == ["lrc_table3"]
    assert growing.ready(names, "smoke") == [names[0], "lrc_table3"]
    both = {"table5": True, "table6": False, "table7": True}
    monkeypatch.setattr(growing, "complete", lambda _: both)
    assert growing.ready(names, "smoke") == [names[0], "table7_localization"]


def test_what_is_missing_has_a_stand_in_until_it_comes(tmp_path: Path) -> None:
    names = build.notebooks()[:3]
    (tmp_path / f"{names[0]}.ipynb").touch()
    titles = growing.stand_in(names, tmp_path)
    assert {one.stem for one in tmp_path.glob("*.md")} == set(names[1:])
    assert (tmp_path / f"{names[1]}.md").read_text().startswith(f"# {titles[0]}\n")
    (tmp_path / f"{names[1]}.ipynb").touch()
    assert growing.stand_in(names, tmp_path) == titles[1:]
    assert [one.stem for one in tmp_path.glob("*.md")] == [names[2]]


def test_builds_are_rare_and_say_where_the_book_is_or_what_failed() -> None:
    said: list[str] = []
    for code in ("print('first'); print('there')", "raise SystemExit('no room')"):
        grow = growing.Growing([sys.executable, "-c", code], said.append)
        for _ in range(3):
            grow()
        grow.finish()
    assert said == ["there", "no room"]


def test_the_next_build_begins_after_a_pause_and_not_beside_another(monkeypatch) -> None:
    monkeypatch.setattr(growing, "PAUSE", 0.0)
    said: list[str] = []
    grow = growing.Growing([sys.executable, "-c", "input(); print('x')"], said.append)
    monkeypatch.setattr(growing.subprocess, "run", lambda *_, **__: time.sleep(0.3) or Done())
    for wait in (0.0, 0.0, 0.6):
        time.sleep(wait)
        grow()
    grow.finish()
    assert said == ["done", "done"]


class Done:
    """How a build ended."""

    returncode, stdout, stderr = 0, "done\n", ""


def test_the_front_page_says_what_is_still_being_made(book: Path) -> None:
    executed = book / "book" / "executed"
    executed.mkdir()
    (executed / "late.md").write_text("# Late & last\n\n[nowhere](nothing.md)\n")
    with (book / "_toc.yml").open("a") as toc:
        toc.write("- file: book/executed/late\n")
    index = build_html(book, book, whole=False)
    front = (index.parent / "one.html").read_text()
    assert "Still being made</p><p>Late &amp; last.</p>" in front
    assert "Still being made" not in (index.parent / "two.html").read_text()
    with pytest.raises(build.LdlError, match=r"late\.md.*nothing\.md"):
        build_html(book, book)
