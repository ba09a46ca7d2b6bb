"""What runs would cost: counted, and held against what a step really does."""

import math

import pytest
import torch
from typer.testing import CliRunner

from ldl.cli import app
from ldl.config import DataConfig
from ldl.engine.profiles import PAPER, SMOKE
from ldl.methods import METHODS
from ldl.runs.localize import LocalizeConfig
from ldl.tables import runs_of
from ldl.tables.encoders import Variant, comparison_config, ldl_config, transfer_config
from ldl.train.estimate import counted, estimate, estimates, noise_stage, totals
from ldl.train.loop import Plan

TRAINED = [
    name for name, method in METHODS.items() if method.compared and method.trains and name != "mae"
]


def small_stage(config, side=64, batch=8):
    """A training like ``config``, as wide, at ``side`` pixels, before its first step."""
    data = config.data.model_copy(update={"size": side})
    small = {"crop": side, "data": data, "scale": "whole"}
    if METHODS[config.method].compared:
        small["batch"] = batch
    return noise_stage(config.model_copy(update=small), 4 * batch)


@pytest.mark.parametrize("method", ["pd", "rd"])
def test_a_step_without_values_is_counted_as_one_with_values(method, pretrain_config):
    config = pretrain_config(method, data=DataConfig(source="phantom", size=48), crop=48)
    stage = small_stage(config, 48)
    flop, kept = counted(lambda: stage.losses(stage.net).values())
    found = estimate(config)
    assert found.flop == config.steps * flop
    weights = sum(weight.numel() for weight in stage.net.parameters())
    # A CPU keeps some maps in other forms; all of them count here.
    assert found.memory == pytest.approx(16 * weights + kept, rel=0.2)


def test_a_comparison_grows_with_its_batch():
    small = comparison_config(Variant("moco"), "fundus", SMOKE)
    small = small.model_copy(update={"knobs": {**small.knobs, "queue": 64}})
    large = small.model_copy(update={"batch": 4 * small.batch})
    one, four = estimate(small), estimate(large)
    assert 3 < four.flop / one.flop <= 4
    assert one.updates == small.steps


def test_every_kind_of_training_of_the_paper_is_counted():
    """At the published sizes: the counting costs no arithmetic."""
    kinds = {}
    for run in runs_of("all", PAPER).values():
        method = METHODS.get(getattr(run, "method", ""))
        if run.trains and (method is None or method.trains):
            kinds.setdefault((run.kind, getattr(run, "output", "")), run)
    assert len(kinds) >= 10
    for kind, run in kinds.items():
        found = estimate(run)
        assert found is not None, kind
        assert found.flop > 1e12, kind
        assert 0.1 < found.memory / 2**30 < 300, kind


def test_the_updates_of_a_transfer_are_those_of_its_loop():
    config = transfer_config(Variant("pd"), "stare_vessel", PAPER)
    # Ten of twenty images are the training list, two of them validation; batches of two.
    assert estimate(config).updates == 200 * 4
    scratch = transfer_config(Variant("scratch"), "stare_vessel", PAPER)
    assert estimate(scratch).updates == 100 * 4
    assert estimate(scratch).flop < estimate(config).flop < 2 * estimate(scratch).flop


def test_what_is_not_counted_is_none_and_said():
    window = LocalizeConfig(
        bank="phantom", landmark="disc", data=DataConfig(source="phantom", size=64), window=8,
        matcher="place",
    )  # fmt: skip
    assert estimate(window) is None
    pd = ldl_config(Variant("pd"), "fundus", SMOKE)
    other_seed = pd.model_copy(update={"seed": 1})
    lines = totals(estimates([window, pd, other_seed]))
    assert lines.loc["pretrain pd fundus", "runs"] == 2
    assert lines.loc["pretrain pd fundus", "updates"] == 2 * pd.steps
    assert list(lines["runs"] - lines["counted"]) == [1, 0]


def test_a_dry_run_makes_nothing_and_says_what_it_would_cost(tmp_path, monkeypatch):
    monkeypatch.setenv("LDL_CACHE", str(tmp_path))
    monkeypatch.setattr("ldl.train.estimate.measured_rate", lambda device: 1e12)
    asked = ["run", "table2", "--profile", "smoke", "--only", "pd/stare", "--dry-run"]
    said = CliRunner().invoke(app, [*asked, "--device", "cpu"])
    assert said.exit_code == 0, said.output
    assert "2 of 2 runs are to be made" in said.output
    assert "pretrain pd fundus" in said.output
    assert "1.000 TFLOP/s" in said.output
    assert not list(tmp_path.glob("runs/*"))


def steps_of_the_paper():
    ours = [(method, "tiny") for method in METHODS if not METHODS[method].compared] + [
        ("rd", "full")
    ]
    variants = [
        Variant(method, clusters=16 if method == "rd" else 0, architecture=width)
        for method, width in ours
    ]
    return [
        *(ldl_config(variant, "fundus", PAPER) for variant in variants),
        *(comparison_config(Variant(method), "fundus", PAPER) for method in TRAINED),
    ]


@pytest.mark.parametrize(
    "config", steps_of_the_paper(), ids=lambda config: f"{config.method}-{config.base}"
)
def test_the_papers_networks_take_a_step_of_every_kind(config):
    """At the published widths, heads, dictionaries and optimizers; at 32 pixels, for the CPU."""
    stage = small_stage(config, side=32, batch=4)
    optimizer = (
        Plan.of(config) if METHODS[config.method].compared else Plan(1, config.learning_rate)
    ).build(stage.trainable())
    weights = list(stage.net.encoder.parameters())
    before = [weight.detach().clone() for weight in weights]
    losses = stage.losses(stage.net)
    total = torch.stack(list(losses.values())).sum()
    total.backward()
    optimizer.step()
    stage.after_step(stage.net, 1)
    assert math.isfinite(total.item())
    moved = [not torch.equal(old, new) for old, new in zip(before, weights, strict=True)]
    assert all(moved)
    assert stage.net.encoder.channels[0] == config.base
