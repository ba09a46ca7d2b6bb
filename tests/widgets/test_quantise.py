"""Bytes in place of floats: how far off, how small, and back again."""

import json

import numpy as np
import pytest
import torch

from ldl.rng import generator
from ldl.widgets.packing import (
    Quantised,
    cell_means,
    packed_map,
    quantised,
    restored,
    stride_within,
    text_of,
    unpacked_map,
)


def random_maps(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=generator(0, "maps"))


def test_no_number_moves_by_more_than_half_a_level() -> None:
    maps = random_maps(5, 9, 11) * torch.tensor([1e-3, 1, 2, 50, 1]).view(-1, 1, 1)
    given = quantised(maps)
    assert given.data.dtype == np.int8
    assert np.abs(given.data).reshape(5, -1).max(axis=1).tolist() == [127] * 5
    off = (restored(given) - maps).abs().flatten(1).amax(1).numpy()
    assert (off <= given.scale * (0.5 + 1e-4)).all()


def test_a_channel_of_zeros_stays_zero() -> None:
    assert restored(quantised(torch.zeros(2, 3, 3))).abs().max() == 0


def test_cells_are_means_and_the_last_ones_are_whole() -> None:
    maps = random_maps(3, 4, 6)
    means = cell_means(maps, 2)
    assert torch.allclose(means[:, 1, 2], maps[:, 2:4, 4:6].mean(dim=(1, 2)))
    ragged = cell_means(maps[:, :, :5], 2)
    assert ragged.shape == (3, 2, 3)
    assert torch.allclose(ragged[:, 0, 2], maps[:, 0:2, 4].mean(dim=1))
    assert torch.equal(cell_means(maps, 1), maps)


@pytest.mark.parametrize("budget", [1, 500, 5_000, 50_000, 500_000])
def test_the_stride_is_the_smallest_that_fits(budget: int) -> None:
    sizes = [(48, 48), (48, 48), (30, 61)]

    def total(stride: int) -> int:
        return sum(-(-r // stride) * -(-c // stride) for r, c in sizes) * 8 * 4

    images = tuple(torch.zeros(1, *size) for size in sizes)
    stride = stride_within(budget, images, 8, 4)
    assert total(stride) <= budget or stride == 61
    assert stride == 1 or total(stride - 1) > budget


def test_what_is_packed_comes_back_whole() -> None:
    """Steps from -128 to 127 wrap around in a byte, and so does their sum."""
    data = np.array([[[-127, 127, -128, 0], [127, -127, 5, 5]]], np.int8)
    given = Quantised(data, np.array([0.25], np.float32))
    back = unpacked_map(json.loads(text_of(packed_map(given))))
    assert np.array_equal(back.data, data)
    assert np.array_equal(back.scale, given.scale)


def test_no_text_ends_the_script_it_stands_in() -> None:
    given = {"words": "</script><!-- <b>", "sign": "é"}
    text = text_of(given)
    assert "</" not in text
    assert "<!--" not in text
    assert json.loads(text) == given
