"""Encoders to look at: the right network from a record, for LDL's methods and for the others."""

import pytest
import torch

from ldl.engine.execute import ensure
from ldl.engine.store import RunStore
from ldl.errors import ConfigError
from ldl.methods import METHODS
from ldl.report import networks as encoders
from ldl.report.encoders import collapsed, last_spread, verdict
from ldl.runs.pretrain import ComparisonConfig
from ldl.train import checkpoint


def test_a_comparison_encoder_comes_back_from_its_record(store: RunStore) -> None:
    config = encoders.config_of("simclr", "xray", "smoke")
    assert encoders.at_hand(config, store) is None, "nothing is trained by looking"
    ensure(config, store, weights=True)
    found = encoders.at_hand(config, store)
    assert found is not None
    assert not found.pixels
    kept = checkpoint.under("encoder", checkpoint.load(store.weights(config))[0])
    assert all((found.net.state_dict()[name] == value).all() for name, value in kept.items())
    images = torch.rand(2, 1, 32, 32)
    assert [maps.shape[-1] for maps in found.features(images)] == [32, 16, 8, 4, 2]
    vectors = found.pixel_vectors(images)
    assert vectors.shape[-2:] == (32, 32)
    assert torch.allclose(vectors.norm(dim=1), torch.ones(2, 32, 32), atol=1e-4)
    with pytest.raises(ConfigError, match="SimCLR"):
        found.outputs(images)
    assert found.record is not None
    assert "held-out images" in found.verdict
    assert "SimCLR" in found.words
    assert last_spread(found.record) == found.record["spread"][-1]


def test_before_its_first_step_an_encoder_is_what_training_starts_from() -> None:
    config = encoders.config_of("moco", "xray", "smoke")
    one, two = encoders.untrained(config), encoders.untrained(config)
    assert all(
        (a == b).all() for a, b in zip(*(n.net.parameters() for n in (one, two)), strict=True)
    )
    assert one.words == "Encoder: MoCo, not trained."


@pytest.mark.parametrize("method", METHODS)
def test_every_method_has_a_config_and_a_title(method: str) -> None:
    config = encoders.config_of(method, "fundus", "smoke")  # type: ignore[arg-type]
    assert config.method == method
    assert encoders.title_of(method)


def test_knobs_of_ours_are_refused_by_the_others() -> None:
    with pytest.raises(ConfigError, match="patch_grid"):
        encoders.config_of("moco", "fundus", "smoke", patch_grid=8)
    vit = encoders.config_of("mae", "fundus", "smoke", backbone="vit")
    assert isinstance(vit, ComparisonConfig)
    assert vit.backbone == "vit"


def _record(**fields: object) -> dict:
    base = {
        "config": {"method": "byol"},
        "retrieval": 0.5,
        "retrieval_before": 0.25,
        "retrieval_among": 64,
        "late_gain": 0.01,
        "spread": [0.9, 0.05],
        "trained": False,
    }
    return base | fields


def test_a_collapse_is_told() -> None:
    assert collapsed(_record())
    assert "falls short" in verdict(_record())
    assert "0.05" in verdict(_record())
    fine = _record(spread=[0.5, 0.8], trained=True)
    assert not collapsed(fine)
    assert "far enough" in verdict(fine)


def test_nothing_trained_has_no_spread() -> None:
    idle = _record(config={"method": "random"}, spread=[], trained=True)
    assert last_spread(idle) is None
    assert not collapsed(idle)
    assert "Nothing was trained" in verdict(idle)


def test_who_learns_labels_is_asked_for_labels() -> None:
    asked = _record(config={"method": "supervised"}, named=[0.25, 0.4], trained=True)
    assert "names 40.0 % of held-out labels right" in verdict(asked)
    assert "labels" not in verdict(_record())
