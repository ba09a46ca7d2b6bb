"""Pretraining the local branch: what is drawn, what is bent, exact resume, a falling loss."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from ldl.data.colour import normalise, to_float
from ldl.data.ct import slice_bank
from ldl.data.superpixels import RegionBank, prepare_superpixels
from ldl.errors import DataError, TrainingError
from ldl.models.organ_net import LocalUNet
from ldl.runs.lrc import CtConfig, LocalRegionConfig, SuperpixelConfig
from ldl.train import local_region as module
from ldl.train.device import Feed
from ldl.train.local_region import LocalRegionStage, pretrain_local
from ldl.train.made import How
from tests.train.resuming import alike, killed_and_resumed, twice

CT = CtConfig(region="abdomen", source="phantom", size=32)


def config(**fields):
    base = {"data": CT, "base": 2, "steps": 4, "batch": 3, "halve_every": 3, "features": 8}
    return LocalRegionConfig(**{**base, **fields})


def maps_of(bank):
    """Regions are the organs and the body; air belongs to none."""
    regions = np.where(bank.images[:, 0] < 20, -1, bank.labels.astype(np.int16)).astype(np.int16)
    return RegionBank("patients", regions, bank.fingerprint, "maps", 0.0)


@pytest.fixture
def run(ct_bank, fabric, tmp_path):
    def start(name="run", given=None, bank=None, maps=None):
        bank = bank or ct_bank()
        return pretrain_local(
            given or config(), bank, maps or maps_of(bank), How(tmp_path / name, fabric)
        )

    return start


def stage_of(bank, **fields):
    torch.manual_seed(0)
    feeds = (Feed(each, torch.device("cpu")) for each in (bank.images, maps_of(bank).regions))
    return LocalRegionStage(config(**fields), LocalUNet(2, 1, 8), *feeds, list(range(12)))


def test_slices_and_bent_slices_go_through_the_network_together(ct_bank, monkeypatch):
    bank, seen = ct_bank(), []
    stage = stage_of(bank)
    contrast = module.local_region_contrast

    def watched(query, positive, *regions, **options):
        seen.append((query, positive, *regions, options))
        return contrast(query, positive, *regions, **options)

    monkeypatch.setattr(module, "local_region_contrast", watched)
    stage.net.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    loss = stage.losses(stage.net)["local"]
    batch, (query, positive, regions, bent, options) = seen
    assert batch.shape == (6, 1, 32, 32)
    assert query.shape == positive.shape == (3, 8, 32, 32)
    rows = [
        int(np.flatnonzero((bank.images[:, 0] == one).all(axis=(1, 2)))[0])
        for one in ((batch[:3, 0] + 1) * 127.5).round().byte().numpy()
    ]
    expected = normalise(to_float(torch.from_numpy(bank.images[rows])))
    torch.testing.assert_close(batch[:3], expected)
    np.testing.assert_array_equal(regions.numpy(), maps_of(bank).regions[rows])
    assert not torch.equal(bent, regions)
    assert set(bent.unique().tolist()) <= {-1, 0, 1, 2}
    # Where the bent map says organ 1, the bent slice is bright, as the slice is.
    bright = (batch[3:, 0][bent == 1]).mean()
    assert bright > batch[3:, 0][bent == 0].mean() + 0.3
    assert (options["samples"], options["formulation"]) == (50, "paper")
    assert loss.requires_grad


@pytest.mark.parametrize(
    "fields",
    [
        {"samples": None},
        {"samples": 1},
        {"formulation": "distinct"},
        {"temperature": 0.5},
        {"normalise": False},
        {"smallest": 200},
        {"elastic": {"strength": 0.01}},
        {"elastic": {"turn": 30.0}},
        {"elastic": {"shift": 0.1}},
        {"intensity": 0.5},
    ],
)
def test_every_knob_of_the_contrast_changes_the_loss(ct_bank, fields):
    bank = ct_bank()
    stages = stage_of(bank), stage_of(bank, **fields)
    one, other = (float(each.losses(each.net)["local"].detach()) for each in stages)
    assert one != other


def test_intensity_changes_the_bent_slices_and_each_in_its_own_way(ct_bank):
    bank, seen = ct_bank(), []
    for fields in ({}, {"intensity": 0.3}):
        stage = stage_of(bank, elastic={"strength": 0.0}, **fields)
        stage.net.register_forward_pre_hook(lambda _, given: seen.append((given[0] + 1) / 2))
        stage.losses(stage.net)
    plain, other = seen
    torch.testing.assert_close(plain[:3], plain[3:])
    torch.testing.assert_close(other[:3], plain[:3])
    ratio = other[3:].mean(dim=(1, 2, 3)) / plain[3:].mean(dim=(1, 2, 3))
    assert len(set(ratio.tolist())) == 3
    assert ((ratio - 1).abs() < 0.35).all()


def test_batches_differ_and_an_epoch_is_every_slice_once(ct_bank):
    stage = stage_of(ct_bank())
    drawn = torch.cat([stage.sampler.draw() for _ in range(4)])
    assert sorted(drawn.tolist()) == list(range(12))


def test_training_sees_neither_validation_nor_test_slices(run, ct_bank):
    bank = ct_bank()
    images = bank.images.copy()
    images[12:] = 255 - images[12:]
    other = replace(bank, images=images)
    one, two = run("one"), run("two", bank=other, maps=maps_of(bank))
    assert alike(one.net, two.net)
    all_of_it = run("three", config(part="all"), bank=other, maps=maps_of(bank))
    assert not alike(one.net, all_of_it.net)


def test_equal_seeds_give_equal_numbers_and_others_do_not(run, tmp_path):
    twice(run, tmp_path, given=config(seed=1))


@pytest.mark.parametrize("samples", [50, None])
def test_a_killed_run_goes_on_bit_for_bit(run, save_every_step, monkeypatch, tmp_path, samples):
    start = partial(run, given=config(steps=6, samples=samples))
    killed_and_resumed(monkeypatch, LocalRegionStage, start, tmp_path, 2, 5)


def test_weight_decay_reaches_the_optimizer(run):
    assert not alike(run("a", config(weight_decay=0.1)).net, run("b", config(weight_decay=0.0)).net)


def test_another_config_or_other_regions_are_refused(run, ct_bank):
    run("run")
    with pytest.raises(TrainingError, match=r"config\.temperature"):
        run("run", config(temperature=0.3))
    with pytest.raises(TrainingError, match="regions"):
        run("run", maps=replace(maps_of(ct_bank()), fingerprint="others"))


def test_maps_of_another_bank_are_refused(run, ct_bank):
    with pytest.raises(DataError, match="superpixels of other slices") as caught:
        run(maps=replace(maps_of(ct_bank()), source="elsewhere"))
    assert "\n" not in str(caught.value)


def test_slices_without_regions_are_survived(run, ct_bank):
    bank = ct_bank()
    empty = replace(maps_of(bank), regions=np.full((24, 32, 32), -1, np.int16))
    done = run(maps=empty)
    assert [row[0] for row in done.history.rows] == [0.0] * 4
    assert (done.retrieval, done.among) == (0.0, 0)


def test_the_loss_falls_on_phantoms_and_regions_are_found(fabric, tmp_path, monkeypatch):
    monkeypatch.setenv("LDL_CACHE", str(tmp_path))
    data = CtConfig(region="thorax", source="phantom", size=32, volumes=4, slices=8, budgets=(1,))
    bank = slice_bank(data)
    maps = prepare_superpixels(bank, SuperpixelConfig(), workers=1)
    given = config(data=data, steps=30, batch=4, features=16, base=4, learning_rate=5e-3)
    done = pretrain_local(given, bank, maps, How(tmp_path / "run", fabric))
    losses = [row[0] for row in done.history.rows]
    assert np.mean(losses[-5:]) < 0.7 * np.mean(losses[:3])
    assert done.retrieval > done.retrieval_before + 0.1
    assert done.among > 100
