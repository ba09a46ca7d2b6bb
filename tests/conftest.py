"""A store in a temporary folder and a budget of seconds."""

from pathlib import Path

import pytest
from tqdm.std import tqdm

from ldl.book import kernels
from ldl.data import superpixels
from ldl.engine import runner
from ldl.engine.profiles import PROFILES, Profile
from ldl.engine.store import RunStore

# Tests fork; the monitor's thread may then hold the bars' lock, which the child waits for forever.
tqdm.monitor_interval = 0
# Of a process that tests several, the first would decide.
runner.IMPORTED = superpixels.IMPORTED = kernels.IMPORTED


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LDL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("LDL_RESULTS", str(tmp_path / "results"))
    return tmp_path


@pytest.fixture
def store(cache: Path) -> RunStore:
    return RunStore()


@pytest.fixture
def smoke() -> Profile:
    return PROFILES["smoke"]
