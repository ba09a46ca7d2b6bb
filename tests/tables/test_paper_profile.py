"""The paper's profile: a source for every number, and every network and step at its sizes."""

from importlib.resources import files

import pytest
import yaml

from ldl.config import Strict
from ldl.engine.profiles import PAPER
from ldl.methods import METHODS
from ldl.runs.pretrain import SMALL, TRAINING
from ldl.tables.encoders import Variant, comparison_config
from ldl.tables.transfer import COMPARED

SOURCES = yaml.safe_load(files("ldl.engine.profiles").joinpath("sources.yaml").read_text())


def names(model: Strict, before: str = "") -> list[str]:
    found = []
    for name in type(model).model_fields:
        value = getattr(model, name)
        found.append(before + name)
        if isinstance(value, Strict):
            found += names(value, f"{before}{name}.")
    return found


def test_every_number_has_a_source_and_every_source_a_number() -> None:
    fields = [name for name in names(PAPER) if name not in ("name", "summary")]
    lacking = [
        name
        for name in fields
        if not any(name == known or name.startswith(f"{known}.") for known in SOURCES)
    ]
    assert lacking == []
    assert set(SOURCES) <= set(fields)
    # What the paper leaves open says so.
    assert all(
        text.startswith(("paper", "release", "ours", "LRC", "as ", "each ", "of the", "Zhu"))
        for text in SOURCES.values()
    )
    # The profile's part of shape guidance names each of its numbers.
    shape = {name for name in fields if name.startswith("shape.") and name.count(".") == 1}
    assert shape - set(SOURCES) <= {"shape.base", "shape.crop", "shape.steps1", "shape.steps2"}


@pytest.mark.parametrize("method", COMPARED)
def test_the_comparison_methods_train_as_their_originals(method: str) -> None:
    config = comparison_config(Variant(method), "fundus", PAPER)
    own = TRAINING.get(method)
    assert config.steps == 23_438
    if own is None:
        assert (config.optimizer, config.schedule) == ("adam", "halving")
        return
    assert config.learning_rate == pytest.approx(own.rate)  # batches of 256
    assert (config.optimizer, config.schedule) == (own.optimizer, own.schedule)
    assert config.warmup == round(own.warmup * config.steps)
    assert config.weight_decay == own.weight_decay


def test_a_dictionary_is_shorter_than_the_set() -> None:
    queued = [m for m in COMPARED if "queue" in SMALL.get(m, {})]
    assert queued
    for method in queued:
        config = comparison_config(Variant(method), "fundus", PAPER)
        assert METHODS[method].knobs(config).queue < 30_000 / 1.5
