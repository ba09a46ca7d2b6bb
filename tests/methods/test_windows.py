"""Pd+mix+ms and Pd+mix+ms+cs: patches are windows of random size, with and without a centre."""

import itertools
import math

import pytest
import torch

from ldl.data.sampling import apply_symmetry, undo_symmetry
from ldl.data.views import ViewPair
from ldl.losses import mixup_images, mixup_target, patch_discrimination, unit
from ldl.losses.vectors import draw_window, window_vectors
from ldl.methods import METHODS, base, windows
from ldl.methods.base import mix_weights
from ldl.methods.windows import drawn_windows

SIGMAS = {"pd+mix+ms": None, "pd+mix+ms+cs": 0.5}
SIZE = 32


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(params=SIGMAS)
def variant(request):
    return request.param


@pytest.fixture
def of_size(monkeypatch):
    """Every window drawn has this side."""

    def fix(size):
        monkeypatch.setattr(windows, "draw_window", lambda crop, draw: size)

    return fix


@pytest.fixture
def pairs(monkeypatch):
    """Anchors and positives that the loss was given, call by call."""
    seen = []

    def watch(anchors, positives, **knobs):
        seen.append((anchors.detach(), positives.detach()))
        return patch_discrimination(anchors, positives, **knobs)

    monkeypatch.setattr(base, "patch_discrimination", watch)
    return seen


def naive(embedding, size, sigma):
    """Eq. 25, pixel by pixel, row by row of windows: (B, P, K) float64."""
    count = embedding.shape[-1] // size
    centre = 0.5 * size
    vectors = []
    for i, j in itertools.product(range(count), range(count)):
        total = torch.zeros(embedding.shape[:2], dtype=torch.float64)
        for h, w in itertools.product(range(size), range(size)):
            away = (h / centre - 1) ** 2 + (w / centre - 1) ** 2
            share = 1.0 if sigma is None else math.exp(-away / (2 * sigma**2))
            total += share * embedding[:, :, i * size + h, j * size + w].double()
        vectors.append(total / total.norm(dim=1, keepdim=True))
    return torch.stack(vectors, dim=1)


@pytest.mark.parametrize("size", [3, 5, 7, 8])
def test_the_vectors_are_the_loop_over_pixels(
    config_for, views, colours, variant, of_size, pairs, size
):
    """Sizes that leave 2, 2, 4 and 0 rows and columns of the 32 out; each view turned otherwise."""
    of_size(size)
    config = config_for(variant, patch_grid=16)
    METHODS[variant].losses(colours(), views, config, generator())
    first = naive(unit(views.first, dim=1), size, SIGMAS[variant])
    weight = mix_weights(2, generator())
    mixed = mixup_images(views.first[0::2], views.first[1::2], weight)
    expected = (
        (first, first),  # the second views are the first ones, turned
        (
            naive(unit(mixed, dim=1), size, SIGMAS[variant]),
            mixup_target(first[0::2], first[1::2], weight),
        ),
    )
    assert len(pairs) == 2
    for given, right in zip(pairs, expected, strict=True):
        for vectors, values in zip(given, right, strict=True):
            torch.testing.assert_close(vectors.double(), values.flatten(0, 1), atol=1e-5, rtol=0)


def test_the_losses_are_those_of_the_pairs(config_for, views, colours, variant, pairs):
    config = config_for(variant, patch_temperature=0.3, formulation="paper")
    losses = METHODS[variant].losses(colours(), views, config, generator())
    assert list(losses) == ["patch", "mixup"]
    for loss, (anchors, positives) in zip(losses.values(), pairs, strict=True):
        right = patch_discrimination(anchors, positives, temperature=0.3, formulation="paper")
        torch.testing.assert_close(loss, right)


def test_turning_back_after_pooling_would_pair_other_pixels():
    """Why the pixels are turned back: windows of 7 leave 4 rows out, at another end once turned."""
    maps = unit(torch.randn(8, 5, SIZE, SIZE, generator=generator(1)), dim=1)
    codes = torch.arange(8)
    turned = apply_symmetry(maps, codes)
    exact = window_vectors(maps, 7, sigma=0.5)
    before = window_vectors(undo_symmetry(turned, codes), 7, sigma=0.5)
    pooled = window_vectors(turned, 7, sigma=0.5).unflatten(1, (4, 4)).permute(0, 3, 1, 2)
    after = undo_symmetry(pooled, codes).flatten(2).transpose(1, 2)
    torch.testing.assert_close(before, exact)
    apart = (after - exact).abs().amax((1, 2)) > 0.1
    assert apart.tolist() == [False, False, *[True] * 6]  # a transposition alone keeps the corner


def test_the_window_of_a_step_is_random_and_one_for_all(config_for, views, colours, monkeypatch):
    seen = []

    def watch(maps, size, *, sigma):
        seen.append((len(maps), size, sigma))
        return window_vectors(maps, size, sigma=sigma)

    monkeypatch.setattr(windows, "window_vectors", watch)
    draw = generator()
    for name in [*["pd+mix+ms"] * 40, "pd+mix+ms+cs"]:
        METHODS[name].losses(colours(), views, config_for(name), draw)
    steps = [seen[k : k + 3] for k in range(0, len(seen), 3)]
    assert all([batch for batch, _, _ in step] == [4, 4, 2] for step in steps)
    assert all(len({(size, sigma) for _, size, sigma in step}) == 1 for step in steps)
    assert {step[0][1] for step in steps} == set(range(2, 9))
    assert [step[0][2] for step in steps] == [None] * 40 + [0.5]


@pytest.mark.parametrize(("grid", "kept"), [(1, 1), (2, 4), (8, 64), (16, 100)])
def test_no_more_windows_than_the_grid_has_cells(
    config_for, views, colours, of_size, pairs, grid, kept
):
    """The same places in both views and in the mixed images: pairs stay pairs."""
    of_size(3)
    config = config_for("pd+mix+ms", patch_grid=grid)
    METHODS["pd+mix+ms"].losses(colours(), views, config, generator())
    (second, first), (mixed, target) = pairs
    assert len(first) == 4 * kept
    assert len(mixed) == len(target) == 2 * kept
    torch.testing.assert_close(second, first, atol=1e-5, rtol=0)
    # The target is made of the first views' vectors of the same places.
    weight = mix_weights(2, generator())
    cells = first.view(4, kept, -1)
    expected = mixup_target(cells[0::2], cells[1::2], weight)
    torch.testing.assert_close(target, expected.flatten(0, 1))


def test_drawn_windows_are_different_and_come_from_everywhere():
    assert drawn_windows(64, 64, generator()).tolist() == list(range(64))
    draw = generator()
    rows = [drawn_windows(100, 64, draw).tolist() for _ in range(20)]
    assert all(len(set(row)) == 64 for row in rows)
    assert {place for row in rows for place in row} == set(range(100))
    assert rows[0] != rows[1]
    assert rows[0] == drawn_windows(100, 64, generator()).tolist()


def test_the_smallest_window_of_a_crop_divides_it_into_256():
    for crop in (48, 96, 448):
        sizes = [draw_window(crop, generator(seed)) for seed in range(300)]
        assert (crop // min(sizes)) ** 2 == 256


def test_both_views_and_the_mixed_images_go_through_the_network_together(
    config_for, views, colours, variant
):
    net = colours()
    METHODS[variant].losses(net, views, config_for(variant), generator())
    mixed = mixup_images(views.first[0::2], views.first[1::2], mix_weights(2, generator()))
    assert len(net.seen) == 1
    torch.testing.assert_close(net.seen[0], torch.cat([views.first, views.second, mixed]))


def test_the_gradient_reaches_every_weight_and_every_pixel_of_a_window(
    config_for, views, variant, of_size
):
    of_size(5)
    torch.manual_seed(0)
    config = config_for(variant, patch_grid=8)
    net = METHODS[variant].network(config)
    maps = []

    def watch(module, given, answer):
        answer[0].retain_grad()
        maps.append(answer[0])

    net.register_forward_hook(watch)
    losses = METHODS[variant].losses(net, views, config, generator())
    sum(losses.values()).backward()
    assert [n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()] == []
    moved = (maps[0].grad.abs().amax(1) > 0).float()
    inside = torch.zeros(4, SIZE, SIZE)
    inside[:, :30, :30] = 1
    assert torch.equal(moved[:4], inside)  # 36 windows of 5 pixels; 2 rows and columns left out
    assert torch.equal(moved[4:8], apply_symmetry(inside, views.symmetry))
    assert torch.equal(moved[8:], inside[:2])


def test_the_mixup_loss_does_not_move_the_unmixed_views(config_for, views, colours, variant):
    embeddings = []

    class Watched(colours):
        def forward(self, image):
            embedding, none = super().forward(image)
            embeddings.append(embedding.requires_grad_())
            return embedding, none

    losses = METHODS[variant].losses(Watched(), views, config_for(variant), generator())
    losses["mixup"].backward()
    moved = embeddings[0].grad.abs().sum((1, 2, 3)) > 0
    assert moved.tolist() == [False] * 8 + [True] * 2


def test_equal_draws_give_equal_losses(config_for, views, colours, variant):
    one, same, other = (
        METHODS[variant].losses(colours(), views, config_for(variant), generator(seed))
        for seed in (0, 0, 1)
    )
    assert one == same
    assert other["mixup"] != one["mixup"]


def test_one_size_of_window_that_divides_the_crop_is_pd_mix(config_for, views, colours, of_size):
    of_size(8)
    net, config = colours(), config_for("pd+mix", patch_grid=4)
    plain = METHODS["pd+mix"].losses(net, views, config, generator())
    other = METHODS["pd+mix+ms"].losses(
        net, views, config_for("pd+mix+ms", patch_grid=4), generator()
    )
    for name, loss in plain.items():
        torch.testing.assert_close(other[name], loss, rtol=1e-5, atol=1e-6)


def test_half_precision_maps_give_finite_losses(config_for, views, colours, variant):
    class Half(colours):
        def forward(self, image):
            embedding, none = super().forward(image)
            return embedding.bfloat16(), none

    pair = ViewPair(views.first, views.second, views.symmetry, None, None)
    losses = METHODS[variant].losses(Half(), pair, config_for(variant), generator())
    assert all(loss.dtype == torch.float32 and loss.isfinite() for loss in losses.values())
