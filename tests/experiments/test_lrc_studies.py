"""What LRC's chapters compute: against closed forms, naive counts and synthetic cases."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ldl.engine.profiles import profile_named
from ldl.engine.store import RunStore
from ldl.experiments.lrc import (
    cases,
    clusters,
    figure3,
    live,
    planned,
    sampling_study,
    segmented,
    superpixel_study,
    transform_study,
    weights_study,
)
from ldl.losses.local_region import SMALLEST
from ldl.models.local_unet import LocalUNet
from ldl.models.organ_net import OrganNet
from ldl.runs.lrc import ElasticConfig, SuperpixelConfig
from ldl.train import checkpoint


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LDL_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("LDL_DATA", str(tmp_path_factory.mktemp("data")))
        yield


def squares(count=2, size=32):
    """Two bright organs side by side in a grey body, noise of a grey level or two."""
    rng = np.random.default_rng(0)
    labels = np.zeros((count, size, size), np.uint8)
    labels[:, 8:20, 6:14], labels[:, 8:20, 18:26] = 1, 2
    images = np.array([90, 150, 210], np.uint8)[labels]
    images[:, :4], images[:, -4:] = 0, 0
    images += rng.integers(0, 3, images.shape, dtype=np.uint8)
    return cases.Case("abdomen", images[:, None], labels, ("a", "b"), "Squares.", real=False)


def test_superpixels_of_separate_organs_are_not_merged_and_huge_ones_are():
    case = squares()
    fine = superpixel_study.quality(case, SuperpixelConfig())
    coarse = superpixel_study.quality(case, SuperpixelConfig(scale=1e5, min_size=400))
    assert fine.merged == 0
    assert fine.dice > 0.95
    assert coarse.merged > 0.4
    assert coarse.worst[1] > fine.worst[1]
    assert coarse.regions < fine.regions


def test_hours_are_slices_times_seconds_over_cores():
    assert superpixel_study.Cost(384, 0.24).hours == pytest.approx(0.24 * 240_000 / 16 / 3600)


def test_cases_are_labelled_slices_and_the_fullest_has_most_organs():
    case = cases.phantom_case("thorax", size=32, count=5)
    assert case.images.shape == (5, 1, 32, 32)
    assert (case.labels > 0).any(axis=(1, 2)).all()
    assert case.name == "thorax"
    one = cases.fullest(case)
    most = max(len(np.unique(each[each > 0])) for each in case.labels)
    assert len(np.unique(one.labels[one.labels > 0])) == most
    assert cases.real_case("thorax", size=32, count=5) is None
    counts = [len(np.unique(each[each > 0])) for each in case.labels]
    assert min(counts) >= most / 2


def test_slices_of_sets_that_may_not_be_passed_on_are_not_shown(net, monkeypatch):
    hidden = replace(squares(), real=True, showable=False)
    monkeypatch.setattr(figure3, "real_case", lambda *_, **__: hidden)
    one = figure3.row("abdomen", net.done.net, net.start, size=32, real=True, count=2, seed=0)
    assert one.real
    assert not one.case.real
    assert not (one.case.images[0] == hidden.images).all(axis=(1, 2, 3)).any()
    monkeypatch.setattr(figure3, "real_case", lambda *_, **__: replace(hidden, showable=True))
    one = figure3.row("abdomen", net.done.net, net.start, size=32, real=True, count=2, seed=0)
    assert one.case.real


def test_without_strength_nothing_moves_and_nothing_vanishes():
    case = squares()
    regions = superpixel_study.maps_of(case.images)
    still = transform_study.bend(case.images, regions, ElasticConfig(strength=0), 0)
    np.testing.assert_array_equal(still.regions, regions)
    assert still.squeezed == pytest.approx((1, 1))
    assert still.vanished == 0
    assert still.share.max() == 0


def test_vanished_and_small_regions_are_counted():
    regions = np.zeros((1, 32, 32), np.int16)
    regions[0, 0, :4] = 1  # in the corner, a row: a transform may push it out
    regions[0, 10:20, 10:20] = 2
    regions[0, 25, 25] = 3
    images = np.zeros((1, 1, 32, 32), np.uint8)
    seen = {"vanished": 0, "small": 0}
    for seed in range(8):
        found = transform_study.bend(images, regions, ElasticConfig(), seed)
        sizes = (
            [(regions == k).sum() for k in range(4)],
            [(found.regions == k).sum() for k in range(4)],
        )
        assert found.before == 4
        assert found.vanished == sum(after == 0 for after in sizes[1])
        small = sum(min(pair) < SMALLEST for pair in zip(*sizes, strict=True))
        assert found.small == small
        assert found.kept == 4 - small
        assert 0 < found.squeezed[0] < 1 < found.squeezed[1]
        seen["vanished"] += found.vanished
        seen["small"] += found.small
    assert seen["small"] > 8
    assert seen["vanished"] > 0


def test_the_noise_of_n_draws_is_one_over_root_n_without_bias():
    values = torch.randn(2, 6, 24, 24, generator=torch.Generator().manual_seed(0))
    regions = np.arange(24 * 24).reshape(1, 24, 24).repeat(2, axis=0) // 96
    found = sampling_study.draws(values, regions, 0, repeats=60)
    assert [one.samples for one in found] == list(sampling_study.COUNTS)
    for one in found:
        assert one.error == pytest.approx(one.expected, rel=0.1)
        assert one.bias == pytest.approx(one.expected / np.sqrt(60), rel=0.4)
    np.testing.assert_array_equal(sampling_study.sizes(regions), [96] * 12)


def test_parameters_are_those_of_the_real_networks():
    by_part = weights_study.counted("vgg", 4, 2, 3, "small")
    net = OrganNet("vgg", 4, 3, 2)
    assert by_part.total == sum(one.numel() for one in net.parameters())
    assert by_part.parts["E_l"] == sum(one.numel() for one in net.local.encoder.parameters())
    whole, share = weights_study.pretrained_share(2)
    assert whole == 1
    assert share == pytest.approx(
        by_part.parts["E_l"] / (by_part.parts["E_l"] + by_part.parts["D_l"])
    )


def test_clusters_find_organs_of_their_own_grey():
    case = squares()
    inside = case.images[:, 0] > 10
    found = clusters.clustered(case, inside, clusters.greys(case.images), 3, 0)
    assert found.dice == 1
    assert (found.maps[~inside] == -1).all()
    assert sorted(np.unique(found.maps[inside])) == [0, 1, 2]
    again = clusters.clustered(case, inside, clusters.greys(case.images), 3, 0)
    np.testing.assert_array_equal(found.maps, again.maps)
    few = clusters.clustered(case, inside, np.ones((2, 32, 32, 2)), 3, 0)
    assert set(np.unique(few.maps)) == {-1, 0}


@pytest.fixture(scope="module")
def net(cache):
    return live.live(live.live_config("smoke"))


def test_a_short_training_is_kept(net, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("trained again")

    monkeypatch.setattr("ldl.train.local_region.LocalRegionStage.losses", refuse)
    again = live.live(net.config)
    one, two = net.done.net.state_dict(), again.done.net.state_dict()
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not all(torch.equal(one[name], value) for name, value in net.start.state_dict().items())
    assert again.done.history.rows == net.done.history.rows
    assert 0 < net.chance < 0.5
    assert "4 steps of 3 abdomen phantoms of 32 pixels" in net.words


def test_a_row_of_the_figure(net):
    one = figure3.row("abdomen", net.done.net, net.start, size=32, real=False, count=2, seed=0)
    assert set(one.dice) == set(figure3.KINDS)
    assert one.few.shape == one.many.shape == one.regions.shape == (32, 32)
    assert ((one.few < 0) == (one.regions < 0)).all()
    assert one.few.max() < figure3.FEW
    assert (
        figure3.row("abdomen", net.done.net, net.start, size=32, real=True, count=2, seed=0) is None
    )


def test_a_test_volume_is_segmented_by_a_network_that_never_saw_it(net):
    found = segmented.segmented(net, "thorax", "smoke")
    entry = next(one for one in found.bank.volumes if one.id == found.volume)
    assert entry.split == "test"
    assert found.prediction.shape == found.bank.labels[entry.rows].shape
    assert found.prediction.max() <= len(found.bank.organs)
    assert found.config.data.seed != net.config.data.seed
    assert f"mean DSC of this test volume {found.dsc:.2f}" in found.words
    np.testing.assert_array_equal(
        segmented.segmented(net, "thorax", "smoke").prediction, found.prediction
    )


def test_the_figure_takes_the_plans_branch_where_its_weights_are(net):
    config = planned.local_config(planned.SAMPLES, profile_named("smoke"))
    without = planned.branch("smoke")
    assert without.config == net.config
    file = RunStore().weights(config)
    file.parent.mkdir(parents=True)
    torch.manual_seed(3)
    trained = LocalUNet(config.base, 1, config.features)
    checkpoint.save(file, trained.state_dict(), {"run_id": config.run_id()})
    found = planned.branch("smoke")
    assert found.config == config
    assert torch.equal(found.net.decoder.last.weight, trained.decoder.last.weight)
    assert not torch.equal(found.start.decoder.last.weight, trained.decoder.last.weight)
    assert "that of the tables" in found.words
