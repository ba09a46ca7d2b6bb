"""Random windows and the centre-sensitive kernel (LDL Eq. 24-25)."""

import itertools
import math

import numpy as np
import pytest
import torch

from ldl.errors import ConfigError
from ldl.losses.vectors import (
    centre_kernel,
    draw_window,
    patch_vectors,
    symmetric_kernel,
    window_vectors,
)
from ldl.rng import generator
from ldl.sphere import unit


def draw(*shape, seed=1, dtype=torch.float64):
    return torch.randn(*shape, generator=generator(seed, "window"), dtype=dtype)


def printed(h, w, size, sigma):
    """Eq. 24, letter by letter."""
    centre = 0.5 * size
    down, along = h / centre - 1, w / centre - 1
    return math.exp(-(down**2 + along**2) / (2 * sigma**2))


def naive_windows(embedding, size, sigma):
    """Eq. 25, pixel by pixel."""
    batch, dim, height, width = embedding.shape
    rows, columns = height // size, width // size
    vectors = np.zeros((batch, rows * columns, dim))
    for n, i, j in itertools.product(range(batch), range(rows), range(columns)):
        total = np.zeros(dim)
        for h, w in itertools.product(range(size), range(size)):
            weight = 1.0 if sigma is None else printed(h, w, size, sigma)
            total += weight * embedding[n, :, i * size + h, j * size + w].numpy()
        vectors[n, i * columns + j] = total / np.linalg.norm(total)
    return vectors


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7])
@pytest.mark.parametrize("sigma", [None, 0.5, 0.2])
def test_windows_are_the_loop_over_pixels(size, sigma):
    embedding = unit(draw(2, 4, 9, 7), dim=1)
    vectors = window_vectors(embedding, size, sigma=sigma)
    expected = naive_windows(embedding, size, sigma)
    assert vectors.shape == expected.shape == (2, (9 // size) * (7 // size), 4)
    np.testing.assert_allclose(vectors.numpy(), expected, atol=1e-10)


def test_an_even_window_that_divides_the_map_is_the_grid():
    embedding = unit(draw(2, 5, 12, 12, dtype=torch.float32), dim=1)
    torch.testing.assert_close(window_vectors(embedding, 3), patch_vectors(embedding, 4))


def test_a_wide_kernel_is_even_and_a_narrow_one_takes_the_centre_alone():
    embedding = unit(draw(1, 5, 8, 8), dim=1)
    torch.testing.assert_close(
        window_vectors(embedding, 4, sigma=1e4), window_vectors(embedding, 4), atol=1e-6, rtol=0
    )
    centres = embedding[0, :, 2::4, 2::4].flatten(1).T[None]
    torch.testing.assert_close(window_vectors(embedding, 4, sigma=0.05), centres)


def test_half_precision_is_pooled_in_float32():
    vectors = window_vectors(unit(draw(1, 4, 8, 8), dim=1).half(), 4, sigma=0.5)
    assert vectors.dtype == torch.float32
    torch.testing.assert_close(vectors.norm(dim=2), torch.ones(1, 4))


def test_windows_are_differentiable():
    embedding = draw(1, 2, 5, 4).requires_grad_()
    assert torch.autograd.gradcheck(lambda maps: window_vectors(maps, 2, sigma=0.5), (embedding,))


def test_printed_kernel():
    kernel = centre_kernel(64)
    assert kernel[32] == 1
    assert kernel[0] == pytest.approx(math.exp(-2))
    assert float(kernel[7] * kernel[50]) == pytest.approx(printed(7, 50, 64, 0.5))


@pytest.mark.parametrize("sigma", [None, 0.5])
@pytest.mark.parametrize("window", [1, 2, 3, 8, 64])
def test_symmetric_kernel_is_the_mean_of_the_printed_one_and_its_mirror_image(window, sigma):
    taps = torch.ones(window).double() if sigma is None else centre_kernel(window, sigma=sigma)
    if (
        window % 2
    ):  # an odd window has a middle pixel: its weights need no mending, only half a step
        number = torch.arange(window) - window // 2
        reach = number.double() / (window / 2)
        expected = torch.ones(window).double() if sigma is None else (-2 * reach**2).exp()
    else:
        longer = torch.cat([taps, torch.zeros(1).double()])
        expected = longer + longer.flip(0)
    torch.testing.assert_close(symmetric_kernel(window, sigma=sigma), expected / expected.sum())


@pytest.mark.parametrize("sigma", [None, 0.5])
def test_symmetric_kernel_changes_little_with_a_little_of_the_window(sigma):
    for window in np.linspace(0.3, 9, 60):
        kernel = symmetric_kernel(float(window), sigma=sigma)
        torch.testing.assert_close(kernel, kernel.flip(0))
        assert float(kernel.sum()) == pytest.approx(1)
        more = symmetric_kernel(float(window) + 1e-6, sigma=sigma)
        lost = (len(more) - len(kernel)) // 2
        padded = torch.nn.functional.pad(kernel, (lost, lost))
        assert (more - padded).abs().max() < 1e-5


def test_random_windows_cover_28_to_112_of_448():
    draws = [draw_window(448, generator(0, "windows", str(number))) for number in range(2000)]
    assert (min(draws), max(draws)) == (28, 112)
    assert np.mean(draws) == pytest.approx(70, abs=2)
    assert draws[:5] == [
        draw_window(448, generator(0, "windows", str(number))) for number in range(5)
    ]


def test_random_windows_scale_with_the_crop():
    draws = {draw_window(64, generator(seed, "small")) for seed in range(200)}
    assert draws == set(range(4, 17))


@pytest.mark.parametrize("size", [0, -1, 9])
def test_windows_that_do_not_fit_are_refused(size):
    with pytest.raises(ConfigError, match="window is"):
        window_vectors(draw(1, 2, 8, 12), size)


def test_kernels_refuse_nonsense():
    with pytest.raises(ConfigError, match="sigma is 0"):
        centre_kernel(4, sigma=0)
    with pytest.raises(ConfigError, match="window is 0"):
        centre_kernel(0)
    with pytest.raises(ConfigError, match="window is nan"):
        symmetric_kernel(float("nan"))
