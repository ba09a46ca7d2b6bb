"""SIGKILL at random moments: nothing is lost, nothing half-written, and the end has the same bits.

The work runs in forked children of this process, which has imported everything already.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
import torch

from ldl.book import build
from ldl.book.build import Ledger
from ldl.config import DataConfig
from ldl.data.bank import Bank, BankWriter, image_rows, made, open_images
from ldl.engine.execute import ensure
from ldl.engine.profiles import PROFILES
from ldl.engine.store import RunStore
from ldl.errors import TrainingError
from ldl.runs.pretrain import PretrainConfig
from ldl.tables import runs_of
from ldl.train import checkpoint, loop
from ldl.train.device import fabric_for
from ldl.train.made import How, Learned
from ldl.train.pretrain import pretrain

KILLS = 20
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def child(work: Callable[[], object]) -> int:
    """Start ``work`` in a process group of its own."""
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setpgid(0, 0)
        sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115
        work()
        os._exit(0)
    except BaseException:
        os._exit(1)


def finish(work: Callable[[], object]) -> float:
    """Let ``work`` end; the seconds it took."""
    start = time.monotonic()
    assert os.waitpid(child(work), 0)[1] == 0
    return time.monotonic() - start


def kill(
    work: Callable[[], object], longest: float, anew: Callable[[], object], sound: Callable[[], Any]
) -> int:
    """Kill ``work`` at random moments, at least 20 times; how often it ended before.

    Args:
        work: goes on where it was.
        longest: seconds until the latest kill.
        anew: called after work has ended, to start from the beginning.
        sound: called after each kill, fails if something is lost or half-written.
    """
    draw, kills, ended = random.Random(0), 0, 0
    while kills < KILLS:
        pid = child(work)
        time.sleep(draw.uniform(0, longest))
        try:
            os.killpg(pid, signal.SIGKILL)
        except ProcessLookupError:  # not yet its own group, or gone
            os.kill(pid, signal.SIGKILL)
        status = os.waitpid(pid, 0)[1]
        assert not os.WIFEXITED(status) or os.WEXITSTATUS(status) == 0
        if os.WIFSIGNALED(status):
            kills += 1
            sound()
        else:
            ended += 1
            anew()
    return ended


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LDL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("LDL_RESULTS", str(tmp_path / "results"))
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    torch.set_num_threads(1)


def pretrained(folder: Path) -> Learned:
    images = np.random.default_rng(0).integers(0, 256, (16, 3, 32, 32), dtype=np.uint8)
    data = DataConfig(source="phantom", size=32)
    config = PretrainConfig(
        method="pd+mix", modality="fundus", data=data, base=2, steps=12, crop=32, halve_every=9,
        patch_grid=4, groups=1,
    )  # fmt: skip
    bank = Bank("noise", images, tuple(map(str, range(16))), "")
    return pretrain(config, bank, How(folder, fabric_for("cpu")))


def test_pretraining(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    last = folder / "checkpoint.safetensors"
    steps = [0]

    def sound() -> None:
        if last.exists():
            step = checkpoint.load(last)[1]["step"]
            assert step >= steps[0]  # no work is lost
            steps[0] = step

    def anew() -> None:
        last.unlink(missing_ok=True)
        steps[0] = 0

    whole = pretrained(tmp_path / "whole")  # and each child has what this imports
    seconds = finish(lambda: pretrained(tmp_path / "timed"))
    kill(lambda: pretrained(folder), seconds / 2, anew, sound)
    rest = pretrained(folder)
    assert rest.history.rows == whole.history.rows
    for one, other in zip(rest.net.parameters(), whole.net.parameters(), strict=True):
        assert torch.equal(one, other)


def test_runs_of_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = runs_of("table2", PROFILES["smoke"], "pd+mix/stare")
    assert len(runs) >= 2

    def work() -> None:
        for run in runs.values():
            ensure(run, RunStore(), device="cpu", weights=True)

    def records() -> dict[str, Any]:
        told = {id: RunStore().record(run) for id, run in runs.items()}
        return {id: one for id, one in told.items() if one is not None}

    there: dict[str, Any] = {}

    def sound() -> None:
        found = records()
        assert there.items() <= found.items()  # none is lost, none changes
        there.update(found)
        for path in (tmp_path / "cache").rglob("record.json"):
            json.loads(path.read_text())

    def anew() -> None:
        there.clear()
        for run in runs.values():
            for name in ("record.json", "weights.safetensors"):
                (RunStore().folder(run) / name).unlink(missing_ok=True)

    work()
    whole = {id: scores(one) for id, one in records().items()}
    anew()
    seconds = finish(work)
    anew()
    kill(work, seconds / 3, anew, sound)
    finish(work)
    assert {id: scores(one) for id, one in records().items()} == whole


def scores(record: dict[str, Any]) -> dict[str, Any]:
    """A record without time and date."""
    own = ("seconds", "wall_seconds", "provenance")
    return {key: value for key, value in record.items() if key not in own}


PAGE = """# %% tags=["parameters"]
seed = 0

# %%
print(seed * 2)
"""


def cell_by_cell(notebook: nbformat.NotebookNode, output: Path, *_: object) -> str:
    """As papermill writes, without a kernel, whose start would take most of the moments."""
    for _cell in notebook.cells:
        time.sleep(0.01)
        nbformat.write(notebook, output)
    return ""


def test_building_the_book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ldl.book.build.code", lambda: "the package")
    monkeypatch.setattr("ldl.book.execute._run", cell_by_cell)
    monkeypatch.setattr("ldl.book.build.forks", lambda _: None)
    jobs = []
    for name in ("one", "two", "summary"):
        path = tmp_path / f"{name}.py"
        path.write_text(PAGE + f"# {name}\n")
        jobs.append(build.Job(name, path, {"seed": 21}))
    folder = tmp_path / "executed"

    def work() -> None:
        assert not any(
            one.failure for one in build.execute_stale(jobs, folder, workers=1, say=lambda _: None)
        )

    def sound() -> None:
        for name in Ledger(folder).entries:
            read(folder / f"{name}.ipynb")

    def anew() -> None:
        (folder / "ledger.json").unlink(missing_ok=True)

    seconds = finish(work)
    whole = {one.name: read(folder / f"{one.name}.ipynb") for one in jobs}
    anew()
    kill(work, seconds, anew, sound)
    finish(work)
    assert {one.name: read(folder / f"{one.name}.ipynb") for one in jobs} == whole
    assert build.stale(jobs, Ledger(folder)) == []


def read(path: Path) -> list[str]:
    """The cells of an executed page."""
    return [one.source for one in nbformat.read(path, as_version=4).cells]


def test_saving(tmp_path: Path) -> None:
    path = tmp_path / "enc.safetensors"

    def work() -> None:
        start = checkpoint.load(path)[1]["step"] if path.exists() else 0
        for step in range(start + 1, start + 1000):
            tensors = {"a": torch.full((1 << 18,), float(step))}
            header = {"step": step, "names": [], "seconds": 0, "identity": {}}
            checkpoint.save(path, tensors, header)

    newest = [0]

    def sound() -> None:
        if not path.exists():
            return
        tensors, header = checkpoint.load(path)
        assert header["step"] >= newest[0]
        assert (tensors["a"] == header["step"]).all()
        newest[0] = header["step"]

    kill(work, 0.3, lambda: None, sound)
    assert newest[0] > 0
    checkpoint.save(path, {"a": torch.ones(1)}, {"run_id": "x"})
    assert list(tmp_path.glob("enc*")) == [path]
    with pytest.raises(TrainingError):
        checkpoint.load(tmp_path / "nothing.safetensors")


def test_making_a_bank(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (40, 1, 16, 16), dtype=np.uint8)

    def write(folder: Path) -> None:
        with BankWriter(folder, "b", image_rows((1, 16, 16)), count=40) as writer:
            for number in range(writer.done, 40):
                time.sleep(0.005)
                writer.add(str(number), [{"images": images[number]}], split="train")

    def work() -> None:
        made("b", [], write)

    def anew() -> None:
        for one in (tmp_path / "cache" / "banks").glob("b-*/index.json"):
            one.unlink()

    kill(work, 0.1, anew, lambda: None)
    bank = open_images(made("b", [], write))
    np.testing.assert_array_equal(bank.images, images)
    write(tmp_path / "whole")
    assert open_images(tmp_path / "whole").fingerprint == bank.fingerprint


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stop_says_how_to_go_on(tmp_path: Path, signum: int, code: int) -> None:
    program = (
        "import signal, time, ldl.cli\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "@ldl.cli.app.command()\n"
        "def slow():\n    print('ready', flush=True); time.sleep(60)\n"
        "import sys; sys.argv = ['ldl', 'slow']; ldl.cli.main()\n"
    )
    run = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert run.stdout.readline() == "ready\n"
    run.send_signal(signum)
    said = run.communicate(timeout=60)[1]
    assert run.returncode == code
    assert "stopped; the same command goes on from here" in said
    assert "Traceback" not in said
