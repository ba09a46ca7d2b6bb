"""Records: written at once, fresh only under the code that made them, never half-read."""

import json

import pytest

from ldl.engine.profiles import Profile
from ldl.engine.store import SCHEMA, Record, RunStore, is_fresh, read_record
from ldl.errors import LdlError
from ldl.runs import base
from ldl.runs.base import Run
from ldl.runs.pretrain import PretrainConfig
from ldl.runs.transfer import TransferConfig
from ldl.tables.encoders import Variant, transfer_configs


def _record(run: Run) -> Record:
    return {
        "schema": SCHEMA,
        "version": run.stamp(),
        "dsc": [0.5],
    }


@pytest.fixture
def run(smoke: Profile) -> Run:
    return transfer_configs(Variant("pd"), "stare_vessel", smoke)[0]


def test_saved_is_fresh_and_other_code_is_stale(store: RunStore, run: Run) -> None:
    assert store.status(run) == "missing"
    store.save(run, _record(run))
    assert store.status(run) == "fresh"
    store.save(run, {**_record(run), "version": {"pretrain": 1, "transfer": 2}})
    assert store.status(run) == "stale"


def test_a_fresh_record_wins_over_a_stale_one(store: RunStore, run: Run) -> None:
    store.save(run, {**_record(run), "dsc": [0.9]})
    store.publish(run)
    store.save(run, {**_record(run), "version": {"pretrain": 1, "transfer": 2}, "dsc": [0.1]})
    found = store.record(run)
    assert found is not None
    assert found["dsc"] == [0.9]


def test_a_committed_record_is_found_without_weights(store: RunStore, run: Run) -> None:
    store.save(run, _record(run))
    path = store.publish(run)
    assert json.loads(path.read_text())["dsc"] == [0.5]
    (store.folder(run) / "record.json").unlink()
    assert store.status(run) == "fresh"
    assert not store.weights(run).exists()


def test_a_damaged_record_is_named(store: RunStore, run: Run) -> None:
    store.save(run, _record(run))
    path = store.folder(run) / "record.json"
    path.write_text(path.read_text()[:-20])
    with pytest.raises(LdlError, match=r"record\.json: damaged"):
        store.record(run)
    path.write_text("[]")
    with pytest.raises(LdlError, match="schema"):
        read_record(path)


def test_nothing_half_written_is_left(store: RunStore, run: Run) -> None:
    with pytest.raises(ValueError, match="JSON"):
        store.save(run, {**_record(run), "dsc": [float("nan")]})
    assert read_record(store.folder(run) / "record.json") is None


def test_publishing_needs_a_record(store: RunStore, run: Run) -> None:
    with pytest.raises(LdlError, match="run it first"):
        store.publish(run)


def test_freshness_follows_the_versions_of_all_that_a_run_rests_on(
    monkeypatch: pytest.MonkeyPatch, store: RunStore, run: Run
) -> None:
    record = _record(run)
    assert record["version"] == {"phantoms": base.PHANTOMS, "pretrain": 1, "transfer": 1}
    assert is_fresh(record, run)
    for part, name in [
        (PretrainConfig, "version"),
        (TransferConfig, "version"),
        (base, "PHANTOMS"),
    ]:
        with monkeypatch.context() as patch:
            patch.setattr(part, name, 99)
            assert not is_fresh(record, run)


def test_a_run_rests_on_its_own_kinds_alone(smoke: Profile) -> None:
    assert set(transfer_configs(Variant("scratch"), "stare_vessel", smoke)[0].stamp()) == {
        "phantoms",
        "transfer",
    }
    assert "pretrain" not in transfer_configs(Variant("moco"), "stare_vessel", smoke)[0].stamp()
