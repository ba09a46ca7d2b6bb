"""The filtered embedding (LDL Eq. 26) against a loop over positions, and its symmetries."""

import math

import numpy as np
import pytest
import torch

from ldl.localize import filtered, vector_at
from ldl.rng import generator
from ldl.sphere import unit


def draw(*shape, seed=1, dtype=torch.float32):
    return unit(torch.randn(*shape, generator=generator(seed, "filter"), dtype=dtype), dim=-3)


def weight(distance, window, sigma):
    """One factor of the symmetric kernel at a whole distance in pixels."""
    share = min(max(window / 2 - abs(distance) + 0.5, 0), 1)
    if sigma is None:
        return share
    return share * math.exp(-((distance / (window / 2)) ** 2) / (2 * sigma**2))


def naive(embedding, window, sigma):
    """Every position's window in float64, cut at the border."""
    maps = embedding.double().numpy()
    dim, height, width = maps.shape
    out = np.zeros_like(maps)
    for row, column in np.ndindex(height, width):
        total = np.zeros(dim)
        for h, w in np.ndindex(height, width):
            factor = weight(h - row, window[0], sigma) * weight(w - column, window[1], sigma)
            total += factor * maps[:, h, w]
        out[:, row, column] = total / np.linalg.norm(total)
    return out


@pytest.mark.parametrize("window", [(4.0, 4.0), (5.0, 3.0), (5.5, 2.7), (9.0, 11.0)])
@pytest.mark.parametrize("sigma", [0.5, 0.3, None])
def test_filter_is_the_loop_over_positions(window, sigma):
    embedding = draw(6, 9, 11)
    np.testing.assert_allclose(
        filtered(embedding, window, sigma=sigma), naive(embedding, window, sigma), atol=1e-5
    )


def test_filter_is_the_loop_over_positions_at_the_papers_size():
    embedding = draw(4, 80, 80)
    got = filtered(embedding, (64.0, 64.0))
    assert got.dtype == torch.float32
    maps = embedding.double().numpy()
    for row, column in [(40, 40), (0, 0), (79, 3), (31, 78)]:
        rows = np.array([weight(h - row, 64, 0.5) for h in range(80)])
        columns = np.array([weight(w - column, 64, 0.5) for w in range(80)])
        total = np.einsum("khw,h,w->k", maps, rows, columns)
        np.testing.assert_allclose(got[:, row, column], total / np.linalg.norm(total), atol=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_filter_turns_and_shifts_with_the_image(seed):
    embedding = draw(3, 20, 20, seed=seed, dtype=torch.float64)
    window = (6.0 + seed, 6.0 + seed)
    got = filtered(embedding, window)
    for turned in (lambda x: x.rot90(1, (1, 2)), lambda x: x.flip(2), lambda x: x.transpose(1, 2)):
        torch.testing.assert_close(filtered(turned(embedding), window), turned(got))
    inside = filtered(embedding[:, 3:, 2:], window)[:, 7:10, 7:10]
    torch.testing.assert_close(inside, got[:, 10:13, 9:12])


def test_a_constant_map_stays_itself_up_to_the_border():
    vector = draw(5, 1, 1)
    torch.testing.assert_close(
        filtered(vector.expand(5, 8, 8), (7.0, 7.0)), vector.expand(5, 8, 8).contiguous()
    )


def test_vector_between_pixel_centres():
    maps = draw(4, 3, 5)
    torch.testing.assert_close(vector_at(maps, (2.0, 4.0)), maps[:, 2, 4])
    torch.testing.assert_close(vector_at(maps, (-0.5, 4.5)), maps[:, 0, 4])
    between = 0.75 * maps[:, 1, 2] + 0.25 * maps[:, 1, 3]
    torch.testing.assert_close(vector_at(maps, (1.0, 2.25)), unit(between))
    torch.testing.assert_close(vector_at(maps[:, :1, :1], (0.2, -0.3)), maps[:, 0, 0])
