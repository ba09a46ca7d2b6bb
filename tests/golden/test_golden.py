"""What must not move by accident: run ids, defaults, one smoke record a kind, and all tables.

`LDL_GOLDEN=write pytest tests/golden` writes the files anew; a commit that changes one says why.
"""

import io
import json
import math
import os
import re
from collections.abc import Iterator, Set
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from pydantic_core import to_jsonable_python

from ldl import paths
from ldl.config import DataConfig, Strict
from ldl.engine.execute import ensure
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
    # Of one capability Intel's and AMD's kernels round otherwise.
    "model": re.findall(r"model name\s*: (.*)|$", _CPU.read_text() if _CPU.exists() else "")[0],
}


def _golden(name: str, text: str) -> str:
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
    assert text.splitlines() == _golden(f"ids-{profile}.txt", text).splitlines()


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
    assert found == json.loads(_golden("defaults.json", text))


def _kinds() -> dict[str, Run]:
    """One smoke run for each kind of run and each way of it: method, matcher, output."""
    found: dict[str, Run] = {}
    for run in ordered(plan("all", profile_named("smoke"))).values():
        way = getattr(run, "matcher", getattr(run, "output", ""))
        if isinstance(run, (PretrainConfig, ComparisonConfig)):
            way = run.method.replace("+", "-")
        found.setdefault("-".join(filter(None, [type(run).__name__, way])), run)
    return found


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunStore]:
    """One store for all kinds, since they need each other."""
    folder = tmp_path_factory.mktemp("golden")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LDL_CACHE", str(folder))
        yield RunStore(folder / "runs", folder / "none")
    torch.set_num_threads(threads)


@pytest.mark.parametrize("kind", sorted(_kinds()))
def test_smoke_record(kind: str, store: RunStore) -> None:
    """The same numbers from the same seed, to the last digit that a record keeps."""
    record = _numbers(ensure(_kinds()[kind], store, device="cpu"))
    text = json.dumps({"where": _WHERE, "record": record}, indent=1, sort_keys=True) + "\n"
    kept = json.loads(_golden(f"records/{kind}.json", text))
    known = _numbers(kept["record"])
    if kept["where"] == _WHERE:
        assert record == known
    else:  # Other kernels round otherwise.
        _close(record, known, kind, _JUMPS.get(kind, set()))


@pytest.mark.parametrize("kind", sorted(_kinds()))
def test_a_run_says_the_updates_that_its_record_counts(kind: str) -> None:
    run, record = _kinds()[kind], json.loads((HERE / f"records/{kind}.json").read_text())["record"]
    losses = record.get("losses", {})
    phases = [losses] if "step" in losses else losses.values()
    made = [phase["step"][-1] for phase in phases if phase["step"]]
    if isinstance(run, TransferConfig):
        assert sum(made) == run.updates(record["data"]["train"])
    else:
        assert made == [one.updates for one in run.work()]


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


@pytest.mark.parametrize("table", TABLES)
def test_table(table: str, tmp_path: Path) -> None:
    """The long frame of a table from the committed records, and every printed number.

    What was measured stays as it was; records that came since may fill what was empty.
    """
    store = RunStore(tmp_path, paths.repo_root() / "results")
    text = show(table, "open", store).frame.round(10).to_csv(index=False)
    found, kept = (
        pd.read_csv(io.StringIO(each)).set_index(["row", "column"])
        for each in (text, _golden(f"frames/{table}.csv", text))
    )
    assert list(found.columns) == list(kept.columns)
    known = found.loc[kept.index]
    pd.testing.assert_series_equal(known["paper"], kept["paper"])
    measured = kept.index[kept["measured"]]
    pd.testing.assert_frame_equal(known.loc[measured], kept.loc[measured], check_dtype=False)
