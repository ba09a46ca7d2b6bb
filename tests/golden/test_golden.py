"""What must not move by accident: run ids, defaults, and all tables.

One smoke record of each kind is held against `records/` where they are made: `tests/test_smoke.py`.

`LDL_GOLDEN=write pytest tests/golden` writes the files anew, with `tests/test_smoke.py` also the
records; a commit that changes one says why.
"""

import io
import json
import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pandas as pd
import pytest
from pydantic_core import to_jsonable_python

from ldl import paths
from ldl.config import DataConfig, Strict
from ldl.engine.jobs import ordered
from ldl.engine.profiles import PROFILES, profile_named
from ldl.engine.store import RunStore
from ldl.runs.base import Run
from ldl.runs.pretrain import ComparisonConfig, PretrainConfig
from ldl.runs.transfer import TransferConfig
from ldl.tables import TABLES, plan
from ldl.tables.measure import show

HERE = Path(__file__).parent
WRITE = os.environ.get("LDL_GOLDEN") == "write"


def golden(name: str, text: str) -> str:
    """The kept text of that name; written first where that is asked."""
    path = HERE / name
    if WRITE:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return path.read_text()


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_run_ids(profile: str) -> None:
    """An id hangs on every field that is no default: another id, another config."""
    ids = ordered(plan("all", profile_named(profile)))
    text = "\n".join(sorted(ids)) + "\n"
    assert text.splitlines() == golden(f"ids-{profile}.txt", text).splitlines()


def _models(model: type[Strict]) -> Iterator[type[Strict]]:
    for one in model.__subclasses__():
        yield one
        yield from _models(one)


def test_defaults() -> None:
    """An id leaves defaults out: a changed default would be another run under the same id.

    A new knob's default must be what was done before it.
    """
    runs = [one for one in _models(Strict) if re.match(r"ldl\.(config|runs)", one.__module__)]
    found = {
        one.__name__: {
            name: to_jsonable_python(field.get_default(call_default_factory=True))
            for name, field in one.model_fields.items()
            if not field.is_required()
        }
        for one in [*runs, DataConfig]
    }
    text = json.dumps(found, indent=1, sort_keys=True) + "\n"
    assert found == json.loads(golden("defaults.json", text))


@cache
def kinds() -> dict[str, Run]:
    """One smoke run for each kind of run and each way of it: method, matcher, output."""
    found: dict[str, Run] = {}
    for run in ordered(plan("all", profile_named("smoke"))).values():
        way = getattr(run, "matcher", getattr(run, "output", ""))
        if isinstance(run, (PretrainConfig, ComparisonConfig)):
            way = run.method.replace("+", "-")
        found.setdefault("-".join(filter(None, [type(run).__name__, way])), run)
    return found


def test_each_kept_record_is_of_a_kind_of_run() -> None:
    assert {path.stem for path in (HERE / "records").glob("*.json")} == set(kinds())


@pytest.mark.parametrize("kind", sorted(kinds()))
def test_a_run_says_the_updates_that_its_record_counts(kind: str) -> None:
    run, record = kinds()[kind], json.loads((HERE / f"records/{kind}.json").read_text())["record"]
    losses = record.get("losses", {})
    phases = [losses] if "step" in losses else losses.values()
    made = [phase["step"][-1] for phase in phases if phase["step"]]
    if isinstance(run, TransferConfig):
        assert sum(made) == run.updates(record["data"]["train"])
    else:
        assert made == [one.updates for one in run.work()]


@pytest.mark.parametrize("table", TABLES)
def test_table(table: str, tmp_path: Path) -> None:
    """The long frame of a table from the committed records, and every printed number.

    What was measured stays as it was; records that came since may fill what was empty.
    """
    store = RunStore(tmp_path, paths.repo_root() / "results")
    text = show(table, "open", store).frame.round(10).to_csv(index=False)
    found, kept = (
        pd.read_csv(io.StringIO(each)).set_index(["row", "column"])
        for each in (text, golden(f"frames/{table}.csv", text))
    )
    assert list(found.columns) == list(kept.columns)
    known = found.loc[kept.index]
    pd.testing.assert_series_equal(known["paper"], kept["paper"])
    measured = kept.index[kept["measured"]]
    pd.testing.assert_frame_equal(known.loc[measured], kept.loc[measured], check_dtype=False)
