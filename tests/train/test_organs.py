"""Fine-tuning: whose volumes, which step counts, what starts from what, exact resume."""

import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from ldl.errors import ConfigError, DataError, TrainingError
from ldl.models.backbones import Encoder, LocalEncoder
from ldl.models.organ_net import LocalUNet, parameters_by_part
from ldl.runs.lrc import CtConfig, GlobalConfig, LocalRegionConfig, OrganConfig
from ldl.train import organs
from ldl.train.made import How
from ldl.train.organs import (
    OrganStage,
    VolumeFeed,
    finetune,
    organ_network,
    score_volumes,
    segment,
    slices_by_organ,
)
from tests.train.resuming import alike, killed_and_resumed, twice

CT = CtConfig(region="abdomen", source="phantom", size=32, budgets=(2, 3))
ENCODER = GlobalConfig(
    method="moco", data=CT, base=2, steps=1, crop=32, batch=4, halve_every=1, backbone="vgg"
)  # fmt: skip
LOCAL = LocalRegionConfig(data=CT, base=2, steps=1, batch=2, halve_every=1, features=8)
SECOND = ENCODER.model_copy(update={"backbone": "unet"})


def config(**fields):
    base = {
        "data": CT,
        "budget": 3,
        "base": 2,
        "steps": 6,
        "validate_every": 2,
        "batch": 4,
        "features": 8,
        "local_base": 2,
        "backbone": "vgg",
    }
    return OrganConfig(**{**base, **fields})


@pytest.fixture
def run(ct_bank, fabric, tmp_path):
    def start(name="run", given=None, bank=None, **weights):
        return finetune(
            given or config(), bank or ct_bank(), How(tmp_path / name, fabric), **weights
        )

    return start


def weights(network, seed=3):
    torch.manual_seed(seed)
    return {name: value.clone() for name, value in network().state_dict().items()}


def test_only_the_budgets_volumes_are_trained_on(ct_bank):
    bank = ct_bank(train=3, validation=2, test=3)
    data = VolumeFeed(bank, config(budget=2, validation=1, test=2), torch.device("cpu"))
    assert [len(rows) for rows in (data.train, data.validation, data.test)] == [8, 4, 8]
    parts = [set(bank.volume_of[rows]) for rows in (data.train, data.validation, data.test)]
    assert parts == [{0, 1}, {3}, {5, 6}]
    whole = VolumeFeed(bank, config(), torch.device("cpu"))
    assert [len(rows) for rows in (whole.train, whole.validation, whole.test)] == [12, 8, 12]


def test_no_volume_is_in_two_parts(ct_bank):
    bank = ct_bank()
    twin = replace(bank.volumes[-1], id=bank.volumes[0].id)
    with pytest.raises(DataError, match="p0 is in train and in test"):
        VolumeFeed(replace(bank, volumes=(*bank.volumes[:-1], twin)), config(), torch.device("cpu"))


def test_training_sees_neither_validation_nor_test_volumes(run, ct_bank):
    bank, other = ct_bank(), ct_bank()
    images, labels = other.images.copy(), other.labels.copy()
    images[16:], labels[16:] = 255 - images[16:], 2 - labels[16:]
    one, two = run("one", bank=bank), run("two", bank=replace(other, images=images, labels=labels))
    assert alike(one.net.state_dict(), two.net.state_dict())
    assert one.validation == two.validation
    assert one.volumes != two.volumes
    labels = bank.labels.copy()
    labels[12:16] = 0
    three = run("three", bank=replace(bank, labels=labels))
    assert three.history.rows == one.history.rows
    assert three.validation != one.validation


def test_slices_and_labels_are_bent_alike(ct_bank, monkeypatch):
    bank, seen = ct_bank(), []
    torch.manual_seed(0)
    stage = OrganStage(
        config(),
        organ_network(config(), bank, None, None),
        VolumeFeed(bank, config(), torch.device("cpu")),
    )
    loss = organs.organ_losses
    monkeypatch.setattr(organs, "organ_losses", lambda n, p, y: seen.append(y) or loss(n, p, y))
    stage.net.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    stage.losses(stage.net)
    images, labels = seen
    assert images.shape == (4, 1, 32, 32)
    assert labels.shape == (4, 32, 32)
    assert set(labels.unique().tolist()) <= {0, 1, 2}
    assert images[:, 0][labels == 1].mean() > 0.4 > images[:, 0][labels == 0].mean()
    assert images[:, 0][labels == 2].mean() < -0.4
    bent = [not any((label.numpy() == one).all() for one in bank.labels) for label in labels]
    assert any(bent)


def test_without_elastic_the_slices_are_as_they_are(ct_bank, monkeypatch):
    bank, seen = ct_bank(), []
    given = config(elastic=None)
    stage = OrganStage(
        given, organ_network(given, bank, None, None), VolumeFeed(bank, given, torch.device("cpu"))
    )
    loss = organs.organ_losses
    monkeypatch.setattr(organs, "organ_losses", lambda n, p, y: seen.append(y) or loss(n, p, y))
    stage.losses(stage.net)
    assert all(any((label.numpy() == one).all() for one in bank.labels) for label in seen[0])


@pytest.mark.parametrize("loss", ["organs", "dice", "dice+ce", "dice+wce"])
def test_the_loss_is_the_one_asked_for_and_falls(run, loss):
    done = run(given=config(loss=loss, steps=40, validate_every=40, elastic=None))
    assert done.history.names == (["dice", "entropy"] if "+" in loss else ["dice"])
    totals = [sum(row) for row in done.history.rows]
    assert sum(totals[-5:]) < 0.92 * sum(totals[:5])


def test_half_of_a_batch_shows_the_organs_in_turn(ct_bank):
    """Organ 2 is on one slice of twelve, and yet in every batch."""
    bank = ct_bank(train=3)
    labels = bank.labels.copy()
    labels[:12][labels[:12] == 2] = 0
    labels[5, 0, 0] = 2
    given = config(draw="organs", batch=4)
    data = VolumeFeed(replace(bank, labels=labels), given, torch.device("cpu"))
    shown = slices_by_organ(data)
    assert [one.tolist() for one in shown] == [sorted(set(range(12)) & set(shown[0].tolist())), [5]]
    stage = OrganStage(given, organ_network(given, bank, None, None), data)
    batches = [stage._rows().tolist() for _ in range(6)]
    assert all(len(one) == 4 and 5 in one[2:] for one in batches)
    # The other half is epochs of all slices: six batches of two are the twelve.
    assert sorted(row for one in batches for row in one[:2]) == list(range(12))


def test_given_weights_are_where_the_training_starts(ct_bank):
    bank = ct_bank()
    encoder, local = weights(lambda: Encoder(2, 1)), weights(lambda: LocalUNet(2, 1, 8))
    net = organ_network(config(encoder=ENCODER, local=LOCAL), bank, encoder, local)
    assert alike(net.whole.encoder.state_dict(), encoder)
    assert alike(net.local.state_dict(), local)
    fresh = organ_network(config(), bank, None, None)
    assert not alike(fresh.whole.encoder.state_dict(), encoder)
    # D_g and the head start alike with and without pretraining.
    assert alike(fresh.whole.decoder.state_dict(), net.whole.decoder.state_dict())
    assert alike(fresh.head.state_dict(), net.head.state_dict())


@pytest.mark.parametrize(
    ("fields", "given", "said"),
    [
        ({"encoder": ENCODER}, {}, "weights for encoder are missing"),
        ({"local": LOCAL}, {}, "weights for local are missing"),
        ({}, {"encoder": {"a": torch.zeros(1)}}, "weights for encoder are given but not asked"),
        ({"encoder": ENCODER}, {"encoder": {"a": torch.zeros(1)}}, "encoder: weights of another"),
    ],
)
def test_weights_that_do_not_fit_the_config_are_refused(run, fields, given, said):
    with pytest.raises(ConfigError, match=said) as caught:
        run(given=config(**fields), **given)
    assert "\n" not in str(caught.value)


def test_the_second_network_of_table_2_has_as_many_parameters_as_lrcs(ct_bank):
    """LRC Table 2: within 2 %; here it is the same U-Net, only its encoder is MoCo's."""
    bank = ct_bank()
    with_lrc = organ_network(
        config(local=LOCAL), bank, None, weights(lambda: LocalUNet(2, 1, 8))
    )  # fmt: skip
    encoder = {f"encoder.{k}": v for k, v in weights(lambda: LocalEncoder(2, 1)).items()}
    with_moco = organ_network(config(second=SECOND), bank, None, encoder)
    counts = [sum(parameters_by_part(net).values()) for net in (with_lrc, with_moco)]
    assert abs(counts[1] / counts[0] - 1) <= 0.02
    assert counts[0] == counts[1]
    moved = with_moco.local.encoder.state_dict()
    assert alike({f"encoder.{k}": v for k, v in moved.items()}, encoder)
    # What stands in LRC's place adds as much as LRC does.
    alone = organ_network(config(local_base=0), bank, None, None)
    assert sum(parameters_by_part(alone).values()) < counts[0]


def prescribe(monkeypatch, scores):
    """Validation answers these scores, one after the other; gives the weights at each."""
    states, answers = [], iter(scores)
    monkeypatch.setattr(organs, "mean_dsc", lambda *_: next(answers))
    keep = organs.segment

    def watched(model, slices, rows):
        net = getattr(model, "module", model)
        states.append({k: v.clone() for k, v in net.state_dict().items()})
        assert not net.training
        return keep(model, slices, rows)

    monkeypatch.setattr(organs, "segment", watched)
    return states


@pytest.mark.parametrize(
    ("scores", "best", "step"),
    [
        ([0.1, 0.3, 0.2, 0.3], 1, 4),
        ([0.5, 0.3, 0.2, 0.1], 0, 2),
        ([0.1, 0.2, 0.3, 0.4], 3, 7),
        ([0.0, 0.0, 0.0, 0.0], 0, 2),
    ],
)
def test_the_best_step_by_validation_is_what_is_scored(
    run, ct_bank, monkeypatch, scores, best, step
):
    states = prescribe(monkeypatch, scores)
    done = run(given=config(steps=7), bank=ct_bank())
    assert len(states) == 5, "four looks, and the test"
    assert alike(done.net.state_dict(), states[best])
    assert done.validation == scores
    assert done.best_step == step
    bank = ct_bank()
    data = VolumeFeed(bank, config(), torch.device("cpu"))
    predicted = segment(done.net.eval(), data.slices, data.test)
    assert done.volumes == score_volumes(bank, data.test, predicted)
    assert [one.id for one in done.volumes] == ["p4", "p5"]


def test_equal_seeds_give_equal_numbers_and_others_do_not(run, tmp_path):
    twice(run, tmp_path, given=config(seed=1))


def test_with_and_without_lrc_see_the_same_slices(run, monkeypatch):
    drawn = []
    losses = OrganStage.losses

    def spy(self, model):
        drawn.append(self.generator.get_state().clone())
        return losses(self, model)

    monkeypatch.setattr(OrganStage, "losses", spy)
    run("with")
    run("without", config(local_base=0))
    assert all(torch.equal(a, b) for a, b in zip(drawn[:6], drawn[6:], strict=True))


def test_a_killed_run_goes_on_bit_for_bit(run, save_every_step, monkeypatch, tmp_path):
    """Kills before, at and after a validation."""
    start = partial(run, given=config(steps=7, draw="organs", schedule="cosine", warmup=2))
    killed_and_resumed(monkeypatch, OrganStage, start, tmp_path, 1, 4, 5)


def test_a_finished_run_gives_the_same_answer_without_training(run, monkeypatch):
    first = run("run")
    monkeypatch.setattr(OrganStage, "losses", lambda *_: pytest.fail("trained again"))
    again = run("run")
    assert again.volumes == first.volumes
    assert again.validation == first.validation


def test_another_config_is_refused_with_the_field(run):
    run("run")
    with pytest.raises(TrainingError, match=r"config\.learning_rate"):
        run("run", config(learning_rate=0.01))


def test_weight_decay_reaches_the_optimizer(run):
    one, other = (run(f"{w}", config(weight_decay=w)) for w in (0.0, 0.1))
    assert one.history.rows != other.history.rows


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_an_empty_part_and_a_bank_without_labels_are_refused(run, ct_bank, split):
    with pytest.raises(DataError, match=f"no {split} volume"):
        run(bank=ct_bank(**{split: 0}))
    with pytest.raises(DataError, match="not labelled"):
        run(bank=ct_bank(labelled=False))


@pytest.mark.parametrize("backbone", ["vgg", "resnet50", "vit", "none"])
def test_a_tiny_network_beats_predicting_background(run, ct_bank, backbone):
    """Background alone scores 0 for every organ, at the volume's diagonal."""
    given = config(
        backbone=backbone, steps=60, validate_every=30, learning_rate=0.02, base=2, local_base=4
    )
    done = run(given=given, bank=ct_bank())
    rows = [row[0] for row in done.history.rows]
    assert np.mean(rows[-5:]) < 0.9 * np.mean(rows[:5])
    dsc = [organ.dsc for volume in done.volumes for organ in volume.organs]
    assert np.mean(dsc) > 0.4
    assert all(math.isfinite(organ.hd95) for volume in done.volumes for organ in volume.organs)
