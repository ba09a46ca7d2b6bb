"""From a data config to banks."""

import numpy as np
import pytest

from ldl import phantoms
from ldl.config import DataConfig
from ldl.data import prepare
from ldl.data.prepare import phantom_splits, pretraining_bank, task_bank
from ldl.errors import ConfigError, DataError


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LDL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def config(**knobs):
    return DataConfig(**{"source": "phantom", "size": 32, "images": 16, **knobs})


@pytest.mark.parametrize(("modality", "channels"), [("fundus", 3), ("xray", 1)])
def test_phantoms_to_pretrain_on(modality, channels):
    bank = pretraining_bank(config(), modality)
    assert bank.images.shape == (16, channels, 32, 32)
    assert len(set(bank.ids)) == 16
    drawn = phantoms.pretraining_images(modality, count=16, size=32, seed=0)
    np.testing.assert_array_equal(bank.images, drawn)


def test_phantoms_from_closer_are_banks_of_their_own():
    whole, near = (pretraining_bank(config(closer=c), "fundus") for c in (1.0, 3.0))
    assert whole.fingerprint != near.fingerprint
    drawn = phantoms.pretraining_images("fundus", count=16, size=32, seed=0, closer=3.0)
    np.testing.assert_array_equal(near.images, drawn)
    tests = [task_bank(config(closer=c), "stare_vessel").masks.mean() for c in (1.0, 3.0)]
    assert tests[0] != tests[1]


def test_a_phantom_task_has_validation_first_then_training_then_test():
    bank = task_bank(config(train=10, test=4), "stare_vessel")
    assert bank.splits == ("validation",) * 2 + ("train",) * 8 + ("test",) * 4
    assert bank.images.shape == (14, 3, 32, 32)
    assert set(np.unique(bank.masks)) == {0, 1}


@pytest.mark.parametrize(("train", "validation"), [(5, 1), (9, 1), (10, 2), (14, 2), (15, 3)])
def test_validation_is_the_first_fifth_of_the_training_list(train, validation):
    splits = phantom_splits(train, 3)
    assert splits == ["validation"] * validation + ["train"] * (train - validation) + ["test"] * 3


def test_too_few_training_images_for_a_validation_part_are_said_so():
    with pytest.raises(DataError, match="4 training images leave none"):
        phantom_splits(4, 1)


def test_phantoms_are_drawn_once(monkeypatch):
    first = pretraining_bank(config(), "xray"), task_bank(config(), "scr_lung")

    def again(*_, **__):
        pytest.fail("drawn again")

    monkeypatch.setattr(phantoms, "pretraining_images", again)
    monkeypatch.setattr(phantoms, "task_images", again)
    second = pretraining_bank(config(), "xray"), task_bank(config(), "scr_lung")
    assert [bank.fingerprint for bank in first] == [bank.fingerprint for bank in second]


def test_every_setting_has_a_bank_of_its_own():
    settings = [config(), config(seed=1), config(size=48), config(images=17)]
    banks = [pretraining_bank(one, "xray") for one in settings]
    assert len({bank.fingerprint for bank in banks}) == 4
    tasks = [task_bank(config(train=t, test=2), "scr_lung") for t in (5, 6)]
    assert [len(bank.ids) for bank in tasks] == [7, 8]


def test_phantoms_of_another_generator_are_drawn_anew(monkeypatch, own_cache):
    pretraining_bank(config(), "xray")
    before = {path.name for path in (own_cache / "banks").iterdir() if path.is_dir()}
    monkeypatch.setattr(prepare, "PHANTOMS", 99)
    pretraining_bank(config(), "xray")
    after = {path.name for path in (own_cache / "banks").iterdir() if path.is_dir()}
    assert len(after - before) == 1


def test_a_bank_half_written_by_a_killed_process_is_drawn_anew(own_cache):
    pretraining_bank(config(), "xray")
    folder = next(path for path in (own_cache / "banks").iterdir() if path.is_dir())
    (folder / "index.json").unlink()
    assert len(pretraining_bank(config(), "xray").ids) == 16


def test_an_unknown_task_is_named():
    with pytest.raises(ConfigError, match="unknown task 'stare'"):
        task_bank(config(), "stare")


def test_originals_come_from_the_prepared_banks(monkeypatch):
    asked = []

    def prepared(*arguments, **options):
        asked.append((*arguments, options))
        return pretraining_bank(config(), "xray")

    monkeypatch.setattr(prepare, "prepare_pretraining", prepared)
    monkeypatch.setattr(prepare, "prepare_task", prepared)
    pretraining_bank(config(source="open", images=20), "xray")
    task_bank(config(source="open"), "scr_lung")
    assert asked == [("xray", 32, {"limit": 20}), ("scr_lung", 32, {})]
