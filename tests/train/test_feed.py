"""Rows of a bank as tensors."""

import numpy as np
import pytest
import torch

from ldl.train.device import Feed


@pytest.fixture
def array():
    return np.random.default_rng(0).integers(0, 256, (9, 2, 4, 4), dtype=np.uint8)


@pytest.mark.parametrize("rows", [[0], [8, 1, 4], [3, 3, 0, 3], list(range(9))])
@pytest.mark.parametrize("mapped", [False, True])
def test_rows_come_in_the_order_asked_repeats_included(array, tmp_path, rows, mapped):
    if mapped:
        np.save(tmp_path / "images.npy", array)
        array = np.load(tmp_path / "images.npy", mmap_mode="r", allow_pickle=False)
    got = Feed(array, torch.device("cpu"))[torch.tensor(rows)]
    assert got.dtype == torch.uint8
    assert np.array_equal(got.numpy(), np.asarray(array)[rows])


def test_a_batch_may_be_changed_without_changing_the_bank(array):
    before = array.copy()
    Feed(array, torch.device("cpu"))[torch.tensor([0, 1])].zero_()
    assert np.array_equal(array, before)


def test_on_the_cpu_nothing_is_copied_in_advance(array):
    feed = Feed(array, torch.device("cpu"))
    assert not feed.resident
    assert feed.whole is None


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_gpu_a_small_bank_is_kept_whole(array):
    feed = Feed(array, torch.device("cuda"))
    assert feed.resident
    assert np.array_equal(feed[torch.tensor([5, 2, 5])].cpu().numpy(), array[[5, 2, 5]])
