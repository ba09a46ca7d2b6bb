"""Pretraining by comparison methods: determinism, exact resume, spread, retrieval, bad input."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from ldl.config import DataConfig
from ldl.data.bank import Bank
from ldl.errors import ConfigError, DataError, TrainingError
from ldl.methods import METHODS
from ldl.models.backbones import backbone
from ldl.rng import seed_everything
from ldl.runs.pretrain import ComparisonConfig, small
from ldl.train.comparison import (
    ComparisonStage,
    image_retrieval,
    labels_named,
    pretrain_comparison,
    seen_by,
    spread_of,
)
from ldl.train.device import Feed
from ldl.train.made import How
from tests.train.resuming import Killed, alike, killed_and_resumed, saved

TRAINED = [name for name, method in METHODS.items() if method.compared and method.trains]
ON_VIT = ("mae",)


def config_of(method, *, steps=4, seed=0, batch=8, **knobs):
    replaced = small(method)
    if "queue" in replaced:
        replaced["queue"] = 12
    return ComparisonConfig(
        method=method,
        modality="fundus",
        data=DataConfig(source="phantom", size=32),
        base=2,
        steps=steps,
        crop=32,
        batch=batch,
        halve_every=3,
        backbone="vit" if method in ON_VIT else "vgg",
        knobs={**replaced, **knobs},
        seed=seed,
    )


@pytest.fixture
def train(image_bank, fabric, tmp_path):
    """Train on 21 of 24 images, the labels of five classes at hand; ``name`` is its folder."""

    def run(config, name="run", bank=None, **more):
        bank = bank or image_bank()
        labels = np.arange(len(bank.images)) % 5
        return pretrain_comparison(
            config, bank, How(tmp_path / name, fabric), **{"labels": labels, **more}
        )

    return run


@pytest.mark.parametrize(
    "changed", [{"optimizer": "sgd"}, {"schedule": "cosine"}, {"warmup": 3}], ids=str
)
def test_optimizer_schedule_and_warm_up_reach_the_training(train, changed):
    config = config_of("simclr")
    usual, other = (train(one, str(n)) for n, one in enumerate((config, _with(config, changed))))
    assert not alike(usual.net.state_dict(), other.net.state_dict())
    assert _with(config, changed).run_id() != config.run_id()


def _with(config, changed):
    return config.model_copy(update=changed)


@pytest.mark.parametrize("method", TRAINED)
def test_a_killed_run_goes_on_bit_for_bit(method, train, tmp_path, save_every_step, monkeypatch):
    """Weights, teachers, queues, banks, Adam, losses, spread; an epoch ends within step 3."""
    config = config_of(method)
    run = partial(train, config)
    rest, tensors = killed_and_resumed(monkeypatch, ComparisonStage, run, tmp_path, 3)
    assert len(rest.spread) == config.steps
    buffers = {f"net.{name}" for name, _ in rest.net.named_buffers()}
    assert buffers <= set(tensors), "a buffer outside the checkpoint is lost with a kill"


@pytest.mark.parametrize("method", TRAINED)
def test_a_step_moves_every_weight_of_the_encoder(method, train):
    config = config_of(method, steps=1)
    seed_everything(config.seed, "initialise", method)
    start = METHODS[method].network(config, 21).encoder.state_dict()
    result = train(config)
    assert np.isfinite(result.history.rows).all()
    assert all(0 < value < 2 for value in result.spread)
    weights = {n: w for n, w in result.net.encoder.named_parameters() if w.requires_grad}
    assert [name for name, weight in weights.items() if torch.equal(weight, start[name])] == []


def test_another_seed_is_another_run(train):
    one, other = (train(config_of("moco", steps=2, seed=seed), str(seed)) for seed in (0, 1))
    assert one.history.rows != other.history.rows
    assert one.retrieval_before != other.retrieval_before or one.spread != other.spread


@pytest.mark.parametrize("name", ["moco", "densecl"])
def test_queues_are_in_the_checkpoint_and_have_gone_round(name, train, tmp_path):
    train(config_of(name))
    ((tensors, _),) = saved(tmp_path / "run").values()
    places = {key: int(value) for key, value in tensors.items() if key.endswith(".place")}
    assert places
    assert set(places.values()) == {4 * 8 % 12}


def test_the_bank_of_vectors_is_in_the_checkpoint(train, tmp_path):
    train(config_of("instdisc"))
    ((tensors, _),) = saved(tmp_path / "run").values()
    assert tensors["net.bank.vectors"].shape[0] == 21


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"knobs": {"queue": 16, "momentum": 0.99}}, "config.knobs.queue (was 12, now 16)"),
        ({"learning_rate": 0.01}, "config.learning_rate (was 0.001, now 0.01)"),
        ({"batch": 4}, "config.batch (was 8, now 4)"),
    ],
)
def test_another_config_is_refused_with_the_field(changes, field, train):
    config = config_of("moco", steps=1)
    train(config)
    with pytest.raises(TrainingError) as caught:
        train(config.model_copy(update=changes))
    assert field in str(caught.value)
    assert "\n" not in str(caught.value)


def test_other_data_is_refused_too(train, image_bank):
    config = config_of("moco", steps=1)
    train(config)
    with pytest.raises(TrainingError, match="data"):
        train(config, bank=image_bank(seed=2))


def test_held_out_images_are_never_trained_on(train, image_bank):
    """Training must not notice when they are replaced; the measurement must."""
    bank, other = image_bank(), image_bank()
    other.images[21:] = other.images[:3] // 3
    one, two = (train(config_of("moco"), n, b) for n, b in (("one", bank), ("two", other)))
    assert one.history.rows == two.history.rows
    assert alike(one.net.state_dict(), two.net.state_dict())
    assert one.among == two.among == 3


def test_a_loss_that_is_not_finite_is_named_with_its_step(train, monkeypatch):
    losses, calls = ComparisonStage.losses, []

    def poisoned(self, model):
        calls.append(None)
        found = losses(self, model)
        return {n: v * (math.nan if len(calls) == 3 else 1) for n, v in found.items()}

    monkeypatch.setattr(ComparisonStage, "losses", poisoned)
    with pytest.raises(TrainingError, match="step 3: loss 'contrast' is nan"):
        train(config_of("moco"))


def test_teachers_are_left_to_their_students(train):
    net = train(config_of("moco", steps=1)).net
    stage = ComparisonStage(config_of("moco"), net, None, [0], None)
    (moved,) = stage.trainable()
    trained = {id(weight) for weight in moved["params"]}
    teacher = {id(weight) for weight in net.teacher.parameters()}
    assert teacher
    assert not trained & teacher
    assert len(trained | teacher) == len(list(net.parameters()))


@pytest.mark.parametrize("method", ["moco", "rotation", "genesis"])
def test_films_train_like_colour_images(method, train, image_bank):
    config = config_of(method, steps=2).model_copy(update={"modality": "xray"})
    result = train(config, bank=image_bank(channels=1))
    assert np.isfinite(result.history.rows).all()


def refused(train, error, config, **more):
    with pytest.raises(error) as caught:
        train(config, **more)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_too_few_images_for_a_batch_are_said_so(train, image_bank):
    line = refused(train, DataError, config_of("moco"), bank=image_bank(8))
    assert line == "patterns: 7 images to train on are too few for batches of 8; lower the batch"


def test_films_for_a_colour_network_are_said_so(train, image_bank):
    line = refused(train, DataError, config_of("moco"), bank=image_bank(channels=1))
    assert line == "patterns: images have 1 channel(s), fundus needs 3"


@pytest.mark.parametrize(("labels", "count"), [(None, 0), (np.arange(21), 21)])
def test_missing_labels_are_counted(labels, count, train):
    line = refused(train, DataError, config_of("supervised"), labels=labels)
    assert line == f"patterns: supervised needs a label for each of 24 images, {count} given"


def test_labels_are_those_of_the_images_drawn(image_bank, fabric, tmp_path, monkeypatch):
    """The label is written into each image's first pixel."""
    images, labels, seen = image_bank().images, np.arange(24) * 10, []
    images[:, 0, 0, 0] = labels

    def watch(self, model, given):
        seen.append(torch.equal(given.images[:, 0, 0, 0].long(), given.batch.labels))
        seen.append(torch.equal(given.batch.rows * 10, given.batch.labels))
        raise Killed

    monkeypatch.setattr(type(METHODS["supervised"]), "step", watch)
    bank = Bank("labelled", images, tuple(map(str, range(24))), "")
    with pytest.raises(Killed):
        pretrain_comparison(config_of("supervised"), bank, How(tmp_path, fabric), labels=labels)
    assert seen == [True, True]


def test_labels_that_are_asked_for_were_not_learned(train, monkeypatch):
    seen, step = set(), type(METHODS["supervised"]).step

    def watch(self, model, given):
        seen.update(given.batch.rows.tolist())
        return step(self, model, given)

    monkeypatch.setattr(type(METHODS["supervised"]), "step", watch)
    done = train(config_of("supervised", steps=9))
    assert seen == set(range(21)) - {0, 8, 16}
    assert all(0 <= one <= 1 for one in done.named)
    assert train(config_of("instdisc"), "other").named is None


class AsItIs(nn.Module):
    """Features that are the image."""

    def forward(self, images):
        return [images]


@pytest.mark.parametrize(("shown", "share"), [((0, 200), 1.0), ((9, 9), 0.5)])
def test_each_label_weighs_alike_in_what_is_named_right(shown, share, fabric):
    """Sixteen of one and four of the other, told by brightness or not at all."""
    labels = torch.tensor([0] * 16 + [1] * 4)
    images = np.full((20, 3, 32, 32), shown[0], np.uint8)
    images[16:] = shown[1]
    parts = ([*range(0, 20, 2)], [*range(1, 20, 2)])
    feed = Feed(images, fabric.device)
    named = labels_named(AsItIs(), feed, parts, labels, config_of("supervised"), fabric)
    assert named == pytest.approx(share)


def test_an_unknown_knob_is_refused(train):
    line = refused(train, ConfigError, config_of("moco", tau=0.1))
    assert "tau" in line


def test_a_backbone_that_a_method_cannot_use_is_refused(train):
    for method, wrong, right in (("mae", "vgg", "'vit'"), ("genesis", "vit", "'vgg'")):
        config = config_of(method).model_copy(update={"backbone": wrong})
        assert f"use {right}" in refused(train, ConfigError, config).replace("backbone ", "")


def test_equal_vectors_have_no_spread():
    assert float(spread_of(torch.randn(1, 8).expand(32, -1))) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("dim", [2, 16, 128])
def test_vectors_all_over_the_sphere_have_spread_one(dim):
    draw = torch.Generator().manual_seed(0)
    vectors = torch.randn(20_000, dim, generator=draw)
    assert float(spread_of(vectors)) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(("dim", "count"), [(4, 2), (9, 10)])
def test_opposite_vectors_have_the_spread_of_their_closed_form(dim, count):
    """+-v: each coordinate's deviation is |v_d| sqrt(N / (N - 1))."""
    sign = torch.tensor([1.0, -1.0]).repeat(count // 2)[:, None]
    bessel = math.sqrt(count / (count - 1))
    diagonal, axis = torch.ones(dim), torch.eye(dim)[0]
    assert float(spread_of(sign * diagonal)) == pytest.approx(bessel, rel=1e-5)
    assert float(spread_of(sign * axis)) == pytest.approx(bessel / math.sqrt(dim), rel=1e-5)


def test_lengths_do_not_count_and_nothing_is_learned_from_the_spread():
    vectors = torch.randn(16, 8, requires_grad=True)
    longer = vectors * torch.linspace(0.1, 50, 16)[:, None]
    torch.testing.assert_close(spread_of(longer), spread_of(vectors))
    assert not spread_of(vectors).requires_grad


def test_retrieval_is_the_same_for_every_method_and_leaves_the_encoder_alone(image_bank, fabric):
    torch.manual_seed(0)
    encoder = backbone("vgg", 2, 3).train()
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    feed = Feed(image_bank().images, fabric.device)
    found = {
        image_retrieval(encoder, feed, list(range(12)), config_of(method), fabric)
        for method in ("moco", "genesis", "supervised")
    }
    assert len(found) == 1
    assert 0 <= found.pop() <= 1
    assert encoder.training
    assert alike(encoder.state_dict(), before)


class Numbered(torch.nn.Module):
    """Answers with one axis an image, in the order in which it is asked."""

    def __init__(self, order):
        super().__init__()
        self.order, self.calls = order, 0

    def forward(self, images):
        shift, self.calls = self.order[self.calls], self.calls + 1
        return [torch.eye(len(images)).roll(shift, 0)[:, :, None, None]]


@pytest.mark.parametrize(("order", "share"), [([0, 0], 1.0), ([0, 1], 0.0)])
def test_retrieval_counts_the_images_that_find_themselves(order, share, image_bank, fabric):
    feed = Feed(image_bank().images, fabric.device)
    rows = list(range(6))
    assert image_retrieval(Numbered(order), feed, rows, config_of("moco"), fabric) == share


def test_at_native_scale_a_method_sees_windows_of_its_crop():
    images = torch.arange(64 * 64).view(1, 1, 64, 64).expand(50, 1, 64, 64)
    config = config_of("moco").model_copy(update={"scale": "native"})
    seen = seen_by(config, images, torch.Generator().manual_seed(0))
    assert seen.shape == (50, 1, 32, 32)
    first = seen[:, 0, 0, 0]
    assert torch.equal(seen, first.view(-1, 1, 1, 1) + images[:, :, :32, :32])
    assert len(first.unique()) > 40
    rows, columns = first // 64, first % 64
    assert rows.max() <= 32 >= columns.max()
    whole = config_of("moco")
    assert seen_by(whole, images, torch.Generator()) is images
