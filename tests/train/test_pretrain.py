"""Pretraining: determinism, exact resume, held-out images, the start of step two."""

from dataclasses import replace

import pytest
import torch

from ldl.config import DataConfig
from ldl.errors import DataError, TrainingError
from ldl.train import made
from ldl.train.device import Feed
from ldl.train.made import How
from ldl.train.pretrain import PretrainStage, held_out_rows, pretrain
from tests.train.resuming import alike, killed_and_resumed, twice

METHODS = ("rd", "pd+mix+ms+cs")  # which hold all that the others do


@pytest.mark.parametrize("method", METHODS)
def test_two_equal_runs_end_with_equal_bits(method, pretrain_config, image_bank, fabric, tmp_path):
    def run(name, seed=0):
        config = pretrain_config(method, steps=4, seed=seed)
        return pretrain(config, image_bank(), How(tmp_path / name, fabric))

    twice(run, tmp_path, seed=1)


@pytest.mark.parametrize("method", METHODS)
def test_killed_runs_go_on_bit_for_bit(
    method, pretrain_config, image_bank, fabric, tmp_path, save_every_step, monkeypatch
):
    """21 training images in batches of 4: epochs end within a batch at steps 6 and 11."""
    config = pretrain_config(method, steps=12, halve_every=5)

    def run(name):
        return pretrain(config, image_bank(), How(tmp_path / name, fabric))

    killed_and_resumed(monkeypatch, PretrainStage, run, tmp_path, 2, 6, 7, 11)


@pytest.mark.parametrize(
    ("knobs", "field"),
    [
        ({"learning_rate": 0.01}, "config.learning_rate (was 0.001, now 0.01)"),
        ({"steps": 9}, "config.steps"),
        ({"seed": 5}, "config.seed"),
        ({"groups": 1}, "config.groups"),
    ],
)
def test_another_config_is_refused_with_the_field(
    knobs, field, pretrain_config, image_bank, fabric, tmp_path
):
    pretrain(pretrain_config(steps=2), image_bank(), How(tmp_path, fabric))
    with pytest.raises(TrainingError) as caught:
        pretrain(pretrain_config(**{"steps": 2, **knobs}), image_bank(), How(tmp_path, fabric))
    assert field in str(caught.value)
    assert "\n" not in str(caught.value)


def test_other_data_is_refused_too(pretrain_config, image_bank, fabric, tmp_path):
    config = pretrain_config(steps=2)
    bank = image_bank()
    pretrain(config, bank, How(tmp_path, fabric))
    with pytest.raises(TrainingError, match="data"):
        pretrain(config, replace(bank, fingerprint="other"), How(tmp_path, fabric))


def test_a_loss_that_is_not_finite_is_named_with_its_step(
    pretrain_config, image_bank, fabric, tmp_path, monkeypatch
):
    losses, calls = PretrainStage.losses, []

    def poisoned(self, model):
        calls.append(None)
        found = losses(self, model)
        return {**found, "mixup": found["mixup"] * float("nan")} if len(calls) == 3 else found

    monkeypatch.setattr(PretrainStage, "losses", poisoned)
    with pytest.raises(TrainingError, match="step 3: loss 'mixup' is nan"):
        pretrain(pretrain_config("pd+mix"), image_bank(), How(tmp_path, fabric))


@pytest.mark.parametrize(
    ("count", "held"), [(8, 1), (16, 2), (24, 3), (256, 32), (512, 64), (5000, 64)]
)
def test_the_last_eighth_is_held_out_and_never_more_than_64(count, held):
    train, rest = held_out_rows(count)
    assert train == list(range(count - held))
    assert rest == list(range(count - held, count))


def test_held_out_images_are_never_trained_on(
    pretrain_config, image_bank, fabric, tmp_path, monkeypatch
):
    """Training must not notice when they are replaced; the measurement must."""
    bank, other = image_bank(), image_bank()
    other.images[21:] = other.images[:3] // 3
    runs = [
        pretrain(pretrain_config(steps=8), images, How(tmp_path / name, fabric))
        for name, images in (("one", bank), ("other", other))
    ]
    assert runs[0].history.rows == runs[1].history.rows
    assert alike(runs[0].net.state_dict(), runs[1].net.state_dict())
    assert runs[0].retrieval_before != runs[1].retrieval_before


def test_step_two_starts_from_step_ones_weights_with_a_new_clustering_branch(
    pretrain_config, image_bank, fabric, tmp_path, monkeypatch
):
    bank, config = image_bank(), pretrain_config("rd", steps=2)
    one = pretrain(config.step1, bank, How(tmp_path / "1", fabric)).net.state_dict()
    one = {name: value.clone() for name, value in one.items()}
    seen = {}

    def no_fit(stage, plan, **_):
        seen.update({name: value.clone() for name, value in stage.net.state_dict().items()})
        return made.History()

    monkeypatch.setattr(made, "fit", no_fit)
    pretrain(config, bank, How(tmp_path / "2", fabric), start=one)
    assert {name.split(".")[0] for name in seen.keys() - one.keys()} == {"cluster"}
    assert all(torch.equal(seen[name], one[name]) for name in one)


def test_the_weights_of_another_width_are_refused(pretrain_config, image_bank, fabric, tmp_path):
    start = {"encoder.stages.0.0.0.weight": torch.zeros(4, 3, 3, 3)}
    with pytest.raises(RuntimeError, match="size mismatch"):
        pretrain(pretrain_config("rd"), image_bank(), How(tmp_path, fabric), start=start)


def test_too_few_images_are_said_so(pretrain_config, image_bank, fabric, tmp_path):
    with pytest.raises(DataError, match="7 images are too few for 2 groups"):
        pretrain(pretrain_config(), image_bank(7), How(tmp_path, fabric))


def test_films_for_a_colour_network_are_said_so(pretrain_config, image_bank, fabric, tmp_path):
    with pytest.raises(DataError, match=r"1 channel\(s\), fundus needs 3"):
        pretrain(pretrain_config(), image_bank(channels=1), How(tmp_path, fabric))


@pytest.mark.xfail(strict=True, raises=ZeroDivisionError, reason="no image is held out of 4 to 7")
def test_the_fewest_images_that_are_allowed_can_be_trained_on(
    pretrain_config, image_bank, fabric, tmp_path
):
    config = pretrain_config(groups=1, steps=1)
    pretrain(config, image_bank(4), How(tmp_path, fabric))


@pytest.mark.parametrize("method", METHODS)
def test_films_train_like_colour_images(method, pretrain_config, image_bank, fabric, tmp_path):
    config = pretrain_config(method, modality="xray", steps=2)
    done = pretrain(config, image_bank(channels=1), How(tmp_path, fabric))
    assert len(done.history.rows) == 2
    assert torch.tensor(done.history.rows).isfinite().all()


def test_training_lowers_the_loss_and_raises_retrieval(
    pretrain_config, image_bank, fabric, tmp_path
):
    config = pretrain_config("pd", steps=60, base=4, learning_rate=0.01, halve_every=30, groups=2)
    done = pretrain(config, image_bank(), How(tmp_path, fabric))
    totals = [sum(row) for row in done.history.rows]
    assert sum(totals[-10:]) < 0.9 * sum(totals[:10])
    assert done.retrieval > done.retrieval_before


def test_statistics_can_be_estimated_anew_on_unmixed_views(
    pretrain_config, image_bank, fabric, tmp_path
):
    """Only the statistics change; they are those of views alone, whatever mixing did before."""
    bank, made = image_bank(), {}
    for statistics in ("running", "unmixed"):
        config = pretrain_config("pd+mix", steps=3, statistics=statistics)
        made[statistics] = pretrain(config, bank, How(tmp_path / statistics, fabric)).net
    before, after = (made[name].state_dict() for name in ("running", "unmixed"))
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved
    assert all(
        name.rsplit(".")[-1] in ("running_mean", "running_var", "num_batches_tracked")
        for name in moved
    )
    # The mean of what the first layer gives on fresh views is what it subtracts.
    stage = PretrainStage(
        config, made["unmixed"], Feed(bank.images, fabric.device), list(range(21))
    )
    views = torch.cat([stage.views().first for _ in range(60)])
    conv, norm, _ = made["unmixed"].encoder.stages[0][0]
    torch.testing.assert_close(norm.running_mean, conv(views).mean((0, 2, 3)), atol=0.1, rtol=0.05)


@pytest.mark.parametrize("knob", [{"scale": "native"}, {"border": "replicate"}])
def test_native_scale_and_replicated_borders_train(
    knob, pretrain_config, image_bank, fabric, tmp_path
):
    bank = image_bank()
    large = replace(bank, images=bank.images.repeat(2, 2).repeat(2, 3))
    config = pretrain_config("rd", steps=2, data=DataConfig(source="phantom", size=64), **knob)
    done = pretrain(config, large, How(tmp_path, fabric))
    assert len(done.history.rows) == 2
