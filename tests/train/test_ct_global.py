"""Global pretraining on CT: whose slices are seen, MoCo on the U-Net, exact resume."""

import math
from functools import partial

import numpy as np
import pytest
import torch

from ldl.data.ct import slice_bank
from ldl.data.elastic import Elastic
from ldl.errors import ConfigError, DataError
from ldl.methods import METHODS
from ldl.models.backbones import LocalEncoder
from ldl.runs.lrc import TWO_VIEWS, CtConfig, ElasticConfig, GlobalConfig
from ldl.train.comparison import ComparisonStage
from ldl.train.ct_global import pretrain_global
from ldl.train.device import Feed
from ldl.train.made import How
from tests.train.resuming import alike, killed_and_resumed, twice

CT = CtConfig(region="abdomen", source="phantom", size=32)
KNOBS = {"queue": 16, "dim": 8, "momentum": 0.9}


def config(method="moco", **fields):
    base = {
        "data": CT,
        "base": 2,
        "steps": 4,
        "crop": 32,
        "batch": 4,
        "halve_every": 3,
        "backbone": "vgg",
        "knobs": KNOBS if method == "moco" else {},
    }
    return GlobalConfig(method=method, **{**base, **fields})


@pytest.fixture
def run(ct_bank, fabric, tmp_path):
    def start(name="run", given=None, bank=None):
        return pretrain_global(given or config(), bank or ct_bank(), How(tmp_path / name, fabric))

    return start


def test_rows_are_numbered_from_zero_whatever_they_are_in_the_bank(ct_bank):
    bank = ct_bank()
    feed = Feed(bank.images, torch.device("cpu"), np.array([5, 2, 9]))
    np.testing.assert_array_equal(feed[torch.tensor([2, 0])].numpy(), bank.images[[9, 5]])


@pytest.mark.parametrize(("part", "count"), [("train", 12), ("all", 20)])
def test_only_slices_of_the_part_are_trained_on(run, monkeypatch, part, count):
    drawn, watched = [], []
    losses = ComparisonStage.losses

    def spy(self, model):
        drawn.append(self.feed.rows[torch.cat([self.sampler.rows])].tolist())
        watched.append(len(self.feed.rows) - len(self.sampler.rows))
        return losses(self, model)

    monkeypatch.setattr(ComparisonStage, "losses", spy)
    done = run(given=config(part=part))
    # Volumes have 4 slices: 0-11 train, 12-15 validation, 16-23 test.
    expected = [*range(12), *range(16, 24)][:count]
    assert {tuple(rows) for rows in drawn} == {tuple(expected)}
    assert done.among == 4 == watched[0]


def test_training_sees_neither_validation_nor_test_slices(run, ct_bank):
    other = ct_bank()
    images = other.images.copy()
    images[12:] = 255 - images[12:]
    changed = type(other)(**{**other.__dict__, "images": images})
    assert alike(run("one").net, run("two", bank=changed).net)


def test_a_memory_of_images_is_as_long_as_the_part(ct_bank, fabric, tmp_path):
    given = config("instdisc", knobs={"objective": "softmax", "dim": 8})
    done = pretrain_global(given, ct_bank(), How(tmp_path, fabric))
    assert len(done.net.bank.vectors) == 12


def test_equal_seeds_give_equal_numbers_and_others_do_not(run, tmp_path):
    twice(run, tmp_path, given=config(seed=1))


@pytest.mark.parametrize("backbone", ["resnet50", "unet"])
def test_a_killed_run_goes_on_bit_for_bit(run, save_every_step, monkeypatch, tmp_path, backbone):
    start = partial(run, given=config(backbone=backbone))
    killed_and_resumed(monkeypatch, ComparisonStage, start, tmp_path, 3)


@pytest.mark.parametrize("method", TWO_VIEWS)
def test_elastic_positives_are_the_slice_and_its_transform(run, monkeypatch, method):
    seen = []
    bend = Elastic.images

    def watch(self, images):
        seen.append((images, bend(self, images)))
        return seen[-1][1]

    monkeypatch.setattr(Elastic, "images", watch)
    given = config(method, elastic=ElasticConfig(), steps=2, knobs={})
    assert len(run(given=given).history.rows) == 2
    assert len(seen) == 2
    assert seen[0][0].shape == (4, 1, 32, 32)
    assert not torch.equal(*seen[0])
    assert given.run_id() != config(method, steps=2, knobs={}).run_id()


def test_moco_by_elastic_positives_learns_well_below_chance(fabric, tmp_path, monkeypatch):
    """The dictionary is full at the first step, so that all losses are held against ln(K + 1)."""
    monkeypatch.setenv("LDL_CACHE", str(tmp_path))
    data = CT.model_copy(update={"volumes": 10, "slices": 24, "budgets": (1, 6)})
    knobs = {**KNOBS, "queue": 32, "dim": 16, "temperature": 0.2, "fill": "keys", "norm": "batch"}
    given = config(
        data=data,
        base=4,
        batch=16,
        steps=60,
        learning_rate=0.03,
        optimizer="sgd",
        schedule="cosine",
        warmup=4,
        elastic=ElasticConfig(),
        knobs=knobs,
    )
    done = pretrain_global(given, slice_bank(data), How(tmp_path / "run", fabric))
    losses = [row[0] for row in done.history.rows]
    assert sum(losses[-10:]) / 10 < 0.7 * math.log(33)
    assert done.spread[-1] > 0.7


def test_elastic_positives_are_for_methods_of_two_views_and_whole_slices():
    with pytest.raises(ValueError, match="rotation has no pairs"):
        config("rotation", elastic=ElasticConfig())
    with pytest.raises(ValueError, match=r"crop 32 must be data\.size"):
        config(elastic=ElasticConfig(), data=CT.model_copy(update={"size": 64}))


def test_weight_decay_reaches_the_optimizer(run):
    decayed, plain = run("one", config(weight_decay=0.1)), run("two", config(weight_decay=0.0))
    assert not alike(decayed.net, plain.net)


def test_moco_on_the_unet_trains_the_local_branchs_encoder(run):
    done = run(given=config(backbone="unet"))
    assert isinstance(done.net.encoder, LocalEncoder)
    fresh = LocalEncoder(2, 1)
    assert done.net.encoder.state_dict().keys() == fresh.state_dict().keys()
    fresh.load_state_dict(done.net.encoder.state_dict())
    assert len(done.history.rows) == 4


@pytest.mark.parametrize(
    ("method", "backbone"),
    [("rotation", "resnet50"), ("simsiam", "resnet50"), ("genesis", "resnet50"), ("mae", "vit")],
)
def test_methods_of_the_comparison_set_take_ct(run, method, backbone):
    knobs = {"width": 16, "depth": 1, "heads": 2} if method == "mae" else {}
    done = run(given=config(method, backbone=backbone, base=2, steps=2, knobs=knobs))
    assert len(done.history.rows) == 2
    assert torch.isfinite(torch.tensor(done.history.rows)).all()


def test_a_start_that_is_not_trained_has_no_history(run):
    done = run(given=config("random", steps=0))
    assert done.history.rows == []
    assert done.retrieval == done.retrieval_before


def test_a_method_that_cannot_train_the_backbone_says_so(run):
    with pytest.raises(ConfigError, match="use 'vit'"):
        run(given=config("mae", backbone="resnet50"))


def test_labels_and_too_few_slices_are_refused(run, ct_bank):
    with pytest.raises(DataError, match="supervised needs a label for each slice"):
        run(given=config("supervised"))
    with pytest.raises(DataError, match="12 images to train on are too few for batches of 13"):
        run(given=config(batch=13))


def test_moco_trains_the_local_branchs_encoder_as_well():
    net = METHODS["moco"].network(config(backbone="unet"), 8)
    assert isinstance(net.encoder, LocalEncoder)
    assert net.encoder.channels == [2, 4, 8, 16, 32]
