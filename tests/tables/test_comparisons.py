"""Comparison methods as runs: their budget, their records, and what code these depend on."""

from pathlib import Path

import pytest

from ldl.data.prepare import grades, pretraining_bank
from ldl.engine.execute import ensure
from ldl.engine.profiles import PROFILES, Profile
from ldl.engine.store import RunStore
from ldl.errors import DataError
from ldl.methods import METHODS
from ldl.models.backbones import backbone
from ldl.runs.pretrain import ComparisonConfig, ComparisonName, small
from ldl.tables.encoders import Variant, comparison_config, ldl_config, transfer_configs
from ldl.tables.transfer import COMPARED
from ldl.train import checkpoint


@pytest.mark.parametrize("profile", ["demo", "open"])
@pytest.mark.parametrize("method", COMPARED)
def test_every_method_sees_as_many_images_as_the_longest_of_ldls_rows(
    method: ComparisonName, profile: str
) -> None:
    budget = PROFILES[profile].model_copy(update={"comparisons": {}})
    config = comparison_config(Variant(method), "fundus", budget)
    ours = ldl_config(Variant("rd", clusters=16), "fundus", budget)
    assert ours.step1 is not None
    seen = 2 * ours.groups * (ours.steps + ours.step1.steps)
    assert abs(config.steps * config.batch - seen) < config.batch
    assert config.data == ours.data
    assert (config.base, config.crop) == (ours.base, ours.crop)
    assert config.learning_rate == ours.learning_rate
    assert config.halve_every == config.steps // 2


def test_a_profile_may_train_one_of_them_otherwise(smoke: Profile) -> None:
    given = {"steps": 9, "schedule": "cosine", "knobs": {"fill": "keys"}}
    other = smoke.model_copy(update={"comparisons": {"moco": given}})
    usual, config = (comparison_config(Variant("moco"), "fundus", one) for one in (smoke, other))
    assert (config.steps, config.schedule) == (other.steps_of("moco"), "cosine") == (9, "cosine")
    assert config.knobs == usual.knobs | {"fill": "keys"}
    rest = {"steps", "schedule", "knobs", "halve_every"}
    assert config.model_dump(exclude=rest) == usual.model_dump(exclude=rest)
    assert other.steps_of("simclr") == smoke.steps_of("simclr")


@pytest.mark.parametrize("method", COMPARED)
def test_the_papers_profile_has_the_originals_hyperparameters(method: ComparisonName) -> None:
    config = comparison_config(Variant(method), "fundus", PROFILES["paper"])
    assert config.knobs.keys() <= {"queue"}


@pytest.mark.parametrize("profile", ["smoke", "demo", "open"])
@pytest.mark.parametrize("method", COMPARED)
def test_elsewhere_what_our_scale_forbids_is_replaced(method: ComparisonName, profile: str) -> None:
    budget = PROFILES[profile]
    config = comparison_config(Variant(method), "fundus", budget)
    wanted = small(method)
    if "queue" in wanted and budget.queue:
        wanted["queue"] = budget.queue
    assert config.knobs == wanted | budget.comparisons.get(method, {}).get("knobs", {})
    knobs = METHODS[method].knobs(config)
    if "queue" in wanted:
        assert config.batch <= knobs.queue <= 2960 // 2


@pytest.mark.parametrize("method", ["moco", "supervised"])
def test_a_transfer_brings_its_comparison_and_leaves_records(
    method: ComparisonName, store: RunStore, smoke: Profile
) -> None:
    run = transfer_configs(Variant(method), "stare_vessel", smoke)[0]
    record = ensure(run, store, device="cpu")
    assert len(record["dsc"]) == smoke.tasks.test
    assert run.encoder is not None
    made = store.record(run.encoder)
    assert made is not None
    assert isinstance(run.encoder, ComparisonConfig)
    assert made["title"] == METHODS[method].title
    assert made["images_seen"] == run.encoder.steps * run.encoder.batch
    assert len(made["spread"]) == run.encoder.steps
    assert 0 <= made["retrieval"] <= 1
    assert made["retrieval_among"] == smoke.pretraining.images // 8  # type: ignore[operator]
    # Heads, queues and teachers stay behind.
    weights = checkpoint.under("encoder", checkpoint.load(store.weights(run.encoder))[0])
    expected = backbone("vgg", run.base, 3).state_dict()
    assert {name: w.shape for name, w in weights.items()} == {
        name: w.shape for name, w in expected.items()
    }
    assert not list(store.work.glob("**/checkpoint.safetensors"))
    assert store.status(run.encoder) == "fresh"


def test_films_have_no_grade_to_be_supervised_by(cache: Path, smoke: Profile) -> None:
    config = comparison_config(Variant("supervised"), "xray", smoke)
    bank = pretraining_bank(config.data, "xray")
    with pytest.raises(DataError, match="chest X-rays have no grades"):
        grades(config.data, bank)
