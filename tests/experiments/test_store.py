"""Records: written at once, fresh only under the code that made them, never half-read."""

import json

import pytest

from ldl.errors import LdlError
from ldl.experiments import fingerprint
from ldl.experiments.dependencies import modules_of
from ldl.experiments.fingerprint import code_fingerprint
from ldl.experiments.profiles import Profile
from ldl.experiments.row_configs import encoder_config, transfer_configs
from ldl.experiments.rows import Variant
from ldl.experiments.store import (
    SCHEMA,
    Record,
    Run,
    RunStore,
    is_fresh,
    phantom_fingerprint,
    read_record,
)
from ldl.experiments.syntax import tree_fingerprint


def _record(run: Run) -> Record:
    return {
        "schema": SCHEMA,
        "code": code_fingerprint(run),
        "phantoms": phantom_fingerprint(run),
        "dsc": [0.5],
    }


@pytest.fixture
def run(smoke: Profile) -> Run:
    return transfer_configs(Variant("pd"), "stare_vessel", smoke)[0]


def test_saved_is_fresh_and_other_code_is_stale(store: RunStore, run: Run) -> None:
    assert store.status(run) == "missing"
    store.save(run, _record(run))
    assert store.status(run) == "fresh"
    store.save(run, {**_record(run), "code": "other"})
    assert store.status(run) == "stale"


def test_other_phantoms_make_it_stale(store: RunStore, run: Run) -> None:
    store.save(run, {**_record(run), "phantoms": "other"})
    assert store.status(run) == "stale"


def test_a_fresh_record_wins_over_a_stale_one(store: RunStore, run: Run) -> None:
    store.save(run, {**_record(run), "dsc": [0.9]})
    store.publish(run)
    store.save(run, {**_record(run), "code": "other", "dsc": [0.1]})
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


def test_the_fingerprint_sees_code_and_nothing_else() -> None:
    source = 'def f(x: int) -> int:\n    """Doc."""\n    return x + 1\n'
    same = "def f(x):\n    # why\n    return (x +\n        1)\n"
    assert tree_fingerprint(source) == tree_fingerprint(same)
    assert tree_fingerprint(source) != tree_fingerprint(source.replace("+ 1", "+ 2"))


def test_a_run_depends_on_its_method_and_on_no_other(smoke: Profile) -> None:
    encoder = encoder_config(Variant("pd"), "fundus", smoke)
    assert encoder is not None
    assert "ldl.methods.pd" in modules_of(encoder)
    assert "ldl.methods.rd" not in modules_of(encoder)
    scratch = transfer_configs(Variant("scratch"), "stare_vessel", smoke)[0]
    assert not any(name.startswith("ldl.methods") for name in modules_of(scratch))


def test_every_module_that_is_imported_for_a_run_is_known(smoke: Profile) -> None:
    """A module of losses, models or train that methods import but no list names is a hole."""
    import ast
    import importlib.util
    from pathlib import Path

    encoder = encoder_config(Variant("rd", clusters=4), "fundus", smoke)
    assert encoder is not None
    known = set(modules_of(encoder))
    guarded = ("ldl.losses.", "ldl.models.", "ldl.methods.", "ldl.sphere")
    for name in known:
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        for node in ast.walk(ast.parse(Path(spec.origin).read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(guarded):
                assert node.module in known or node.module == "ldl.losses.checks", (
                    name,
                    node.module,
                )


def test_freshness_follows_the_code(
    monkeypatch: pytest.MonkeyPatch, store: RunStore, run: Run
) -> None:
    record = _record(run)
    assert is_fresh(record, run)
    monkeypatch.setattr(fingerprint, "module_fingerprint", lambda name: "edited")
    assert not is_fresh(record, run)
