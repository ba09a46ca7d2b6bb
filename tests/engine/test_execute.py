"""From a config to a record, through worker processes, interrupted and not."""

from pathlib import Path

import pytest
import torch

from ldl.config import DataConfig
from ldl.engine import execute
from ldl.engine.execute import ensure
from ldl.engine.jobs import ordered
from ldl.engine.profiles import Profile
from ldl.engine.runner import run_all
from ldl.engine.store import RunStore
from ldl.runs.pretrain import PretrainConfig
from ldl.tables import TABLES, plan
from ldl.tables.encoders import Variant, encoder_config, transfer_configs
from ldl.tables.measure import measure, show
from ldl.train.loop import History
from ldl.train.made import curves


def test_a_transfer_brings_its_encoder_and_leaves_records(store: RunStore, smoke: Profile) -> None:
    run = transfer_configs(Variant("rd", clusters=16), "stare_vessel", smoke)[0]
    record = ensure(run, store, device="cpu")
    assert len(record["dsc"]) == smoke.tasks.test == len(record["test_ids"])
    assert all(0 <= score <= 1 for score in record["dsc"])
    assert record["updates"] == 2 * 2
    assert record["provenance"]["device"].startswith("CPU")
    assert run.encoder is not None
    assert run.encoder.step1 is not None
    for encoder in (run.encoder, run.encoder.step1):
        pretrained = store.record(encoder)
        assert pretrained is not None
        assert 0 <= pretrained["retrieval"] <= 1
        assert pretrained["trained"] is False, "four steps train nothing"
        assert store.weights(encoder).exists()
    assert not list(store.work.glob("**/checkpoint.safetensors"))
    assert ensure(run, store, device="cpu") == record


def test_the_precision_of_cuda_makes_nearly_the_same(
    cache: Path, smoke: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"bf16": True})
    run = transfer_configs(Variant("rd", clusters=16), "stare_vessel", smoke)[0]
    assert run.encoder is not None
    losses = {}
    for device, precision in (("cpu", "32-true"), ("cpu-bf16", "bf16-mixed")):
        store = RunStore(cache / device, cache / "none")
        record = ensure(run, store, device=device)
        assert record["provenance"]["precision"] == precision
        assert all(0 <= score <= 1 for score in record["dsc"])
        losses[device] = ensure(run.encoder, store)["losses"]
    for name, whole in losses["cpu"].items():
        assert losses["cpu-bf16"][name] == pytest.approx(whole, rel=0.02, abs=0.02), name
    assert losses["cpu-bf16"] != losses["cpu"]


def test_equal_seeds_give_equal_scores(cache: Path, smoke: Profile) -> None:
    run = transfer_configs(Variant("pd"), "scr_heart", smoke)[0]
    first, second = (
        ensure(run, RunStore(cache / name, cache / "none"), device="cpu") for name in "ab"
    )
    assert first["dsc"] == second["dsc"]


def test_a_stale_record_is_made_again(store: RunStore, smoke: Profile) -> None:
    run = transfer_configs(Variant("scratch"), "stare_vessel", smoke)[0]
    record = ensure(run, store, device="cpu")
    store.save(run, {**record, "version": {"transfer": 0}, "dsc": [0.0]})
    assert ensure(run, store, device="cpu")["dsc"] == record["dsc"]


def test_worker_processes_finish_a_plan_and_a_second_call_makes_nothing(
    store: RunStore, smoke: Profile
) -> None:
    cells = plan("table2", smoke, "rd/stare,scratch/stare")
    runs = ordered(cells)
    outcome = run_all(runs, store, workers=2, device="cpu", progress=False)
    assert sorted(outcome.made) == sorted(runs)
    assert not outcome.failed
    again = run_all(runs, store, workers=2, device="cpu", progress=False)
    assert not again.made
    assert sorted(again.kept) == sorted(runs)
    frame = show("table2", smoke, store).frame
    done = frame[frame["measured"]]
    assert set(done["row"]) == {"rd", "scratch"}
    found = measure(TABLES["table2"], cells[0], store)
    assert found is not None
    assert found.interval[0] <= found.value <= found.interval[1]


def test_a_failed_run_is_named_and_what_needs_it_is_not_run(
    store: RunStore, smoke: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LDL_DATA", str(store.work / "no-data"))
    profile = smoke.model_copy(
        update={"pretraining": DataConfig(source="open", size=32), "without": ()}
    )
    cells = plan("table2", profile, "pd/stare,scratch/stare")
    said: list[str] = []
    outcome = run_all(
        ordered(cells), store, workers=1, device="cpu", progress=False, say=said.append
    )
    assert len(outcome.made) == 1
    assert outcome.made[0].startswith("transfer-scratch")
    assert len(outcome.failed) == 2
    assert "eyepacs" in said[0]
    assert len(said[0].splitlines()) == 1


def test_a_checkpoint_of_another_version_is_not_gone_on_with(
    store: RunStore, smoke: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = encoder_config(Variant("pd"), "fundus", smoke)
    assert encoder is not None
    path = store.folder(encoder) / "checkpoint.safetensors"
    identity = {"version": encoder.stamp()}
    header = {"step": 1, "names": ["patch"], "seconds": 0.0, "identity": identity}
    execute.checkpoint.save(path, {"step": torch.zeros(1)}, header)
    execute._drop_outdated(store.folder(encoder), encoder)
    assert path.exists()
    monkeypatch.setattr(PretrainConfig, "version", 2)
    execute._drop_outdated(store.folder(encoder), encoder)
    assert not path.exists()


def test_curves_are_means_of_bins() -> None:
    history = History(["a"], [[float(step)] for step in range(1000)])
    binned = curves(history)
    assert len(binned["a"]) == 100
    assert binned["a"][0] == pytest.approx(4.5)
    assert binned["step"][-1] == 1000
