"""What was measured is kept seed by seed, put together, and written where it is read."""

import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.probing.asked import ASKED, SEEDS


@pytest.fixture
def bench(monkeypatch, tmp_path):
    """The script with folders of its own, measuring nothing."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2]))
    monkeypatch.setenv("LDL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("LDL_RESULTS", str(tmp_path / "results"))
    module = importlib.import_module("benchmarks.probe_methods")
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{module.BEGIN}old\n{module.END}after\n")
    monkeypatch.setattr(module, "README", readme)
    monkeypatch.setattr(module, "draw_eyes", lambda **_: "eyes")
    yield module
    for name in [name for name in sys.modules if name.split(".")[0] == "benchmarks"]:
        del sys.modules[name]


def seed_of(method, seed, eyes, gain=0.3):
    """As `measure` gives it: half is missed at the start, less after training."""
    spread = np.linspace(-0.1, 0.1, 20)

    def answers(score):
        return {"missed": (1 - score + spread).tolist(), "total": [1.0] * 20}

    source = {"device": "CPU, 1 thread(s)", "threads": 1, "python": "3.11.7", "modified": False}
    dates = {"commit": "abc", "date": f"2026-01-0{seed}", "versions": {"torch": "2.13.0"}}
    trained = 0.5 + gain + 0.01 * seed
    return {
        "start": answers(0.5),
        "measured": answers(0.45),
        "trained": answers(trained),
        "losses": [3.0, 2.0, 1.0],
        "seconds": 7.2,
        "provenance": {**source, **dates},
    }


def test_a_cut_off_run_goes_on_and_whole_methods_are_written(bench, monkeypatch):
    asked = []

    def measure(method, seed, eyes):
        asked.append((method, seed))
        return seed_of(method, seed, eyes)

    monkeypatch.setattr(bench, "measure", measure)
    bench.main(["--methods", "moco"])
    bench.main(["--methods", "moco,rotation"])
    assert asked == [("moco", seed) for seed in SEEDS] + [("rotation", seed) for seed in SEEDS]
    found = bench.learned.read()
    assert [one.method for one in found.findings] == [m for m in ASKED if m in ("moco", "rotation")]
    one = found.findings[0]
    assert one.trained == pytest.approx([0.8 + 0.01 * seed for seed in SEEDS])
    assert one.beats == "yes"
    assert one.fresh
    assert found.provenance["first"] == "2026-01-01"
    text = bench.README.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "| MoCo | which eye | 0.500 |" in text
    assert "old" not in text


def test_an_older_version_is_measured_again(bench, monkeypatch):
    monkeypatch.setattr(bench, "measure", seed_of)
    bench.main(["--methods", "moco"])
    monkeypatch.setattr(bench.learned, "version_of", lambda method: {"comparison": 2})
    assert bench.whole() == []
    assert not bench.learned.read().findings[0].fresh


def test_the_committed_readme_says_what_the_committed_file_says():
    root = Path(__file__).parents[2]
    file, text = root / "results" / "probe_methods.json", root / "benchmarks" / "README.md"
    if not file.exists():
        pytest.skip("nothing is committed")
    for row in json.loads(file.read_text())["methods"]:
        assert f"{np.mean(row['trained']):.3f} |".replace("-", "−") in text.read_text()
