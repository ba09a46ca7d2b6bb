"""From pixels to patch vectors (LDL Eq. 3) and region vectors (Eq. 9)."""

import itertools
import math

import numpy as np
import pytest
import torch

from ldl.losses import patch_vectors, region_vectors, unit


def draw(*shape, seed=1, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def draw_assignment(batch, clusters, height, width, seed=2):
    score = draw(batch, clusters, height, width, seed=seed).sigmoid()
    return score / score.sum(1, keepdim=True)


def naive_patches(embedding, grid):
    """Eq. 3: cell i, j holds rows floor(i H / g) to ceil((i + 1) H / g)."""
    batch, dim, height, width = embedding.shape
    vectors = np.zeros((batch, grid * grid, dim))
    for n, i, j in itertools.product(range(batch), range(grid), range(grid)):
        rows = range(math.floor(i * height / grid), math.ceil((i + 1) * height / grid))
        columns = range(math.floor(j * width / grid), math.ceil((j + 1) * width / grid))
        total = sum(embedding[n, :, h, w] for h in rows for w in columns)
        vectors[n, i * grid + j] = total / np.linalg.norm(total)
    return vectors


@pytest.mark.parametrize(
    ("height", "width", "grid"), [(4, 4, 1), (4, 4, 2), (6, 3, 3), (5, 7, 2), (4, 4, 4), (10, 6, 4)]
)
def test_patch_vectors_are_the_loop_over_cells(height, width, grid):
    embedding = unit(draw(2, 3, height, width), dim=1)
    vectors = patch_vectors(embedding, grid)
    assert vectors.shape == (2, grid * grid, 3)
    np.testing.assert_allclose(vectors, naive_patches(embedding.numpy(), grid), atol=2e-6)


def test_patch_vectors_are_single_unit_vectors_in_row_major_order():
    corners = torch.zeros(1, 4, 2, 2)
    for k, (row, column) in enumerate(itertools.product(range(2), range(2))):
        corners[0, k, row, column] = 5.0
    vectors = patch_vectors(corners.half(), 2)
    assert vectors.dtype == torch.float32
    torch.testing.assert_close(vectors[0], torch.eye(4))


@pytest.mark.parametrize(
    ("batch", "clusters", "dim", "height", "width"), [(1, 1, 2, 1, 1), (2, 3, 4, 3, 5)]
)
def test_region_vectors_are_the_loop_over_pixels(batch, clusters, dim, height, width):
    embedding = unit(draw(batch, dim, height, width), dim=1)
    assignment = draw_assignment(batch, clusters, height, width)
    vectors = region_vectors(embedding, assignment)
    assert vectors.shape == (batch, clusters, dim)
    for n, c in np.ndindex(batch, clusters):
        total = np.zeros(dim)
        for h, w in np.ndindex(height, width):
            total += float(assignment[n, c, h, w]) * embedding[n, :, h, w].numpy()
        expected = total / np.linalg.norm(total)
        np.testing.assert_allclose(vectors[n, c].numpy(), expected, rtol=1e-8, atol=1e-10)


def test_hard_regions_are_the_mean_directions_of_their_pixels():
    embedding = unit(draw(1, 3, 2, 2), dim=1)
    halves = torch.zeros(1, 2, 2, 2, dtype=torch.float64)
    halves[:, 0, 0], halves[:, 1, 1] = 1, 1
    expected = unit(torch.stack([embedding[0, :, row].mean(-1) for row in range(2)]))
    torch.testing.assert_close(region_vectors(embedding, halves)[0], expected, rtol=1e-9, atol=0)


def test_pixels_may_be_reordered_together():
    embedding, assignment = unit(draw(2, 4, 3, 5), dim=1), draw_assignment(2, 3, 3, 5)
    flipped = region_vectors(embedding.flip(-1), assignment.flip(-1))
    torch.testing.assert_close(region_vectors(embedding, assignment), flipped)


def test_the_gradients_are_those_of_the_values():
    embedding, assignment = draw(2, 3, 2, 3), draw_assignment(2, 2, 2, 3)
    assert torch.autograd.gradcheck(
        region_vectors, (embedding.requires_grad_(), assignment.requires_grad_())
    )


@pytest.mark.parametrize("what", ["embedding", "assignment"])
def test_zero_maps_give_zero_vectors_and_a_finite_gradient(what):
    embedding, assignment = draw(2, 4, 3, 3), draw_assignment(2, 3, 3, 3)
    (embedding if what == "embedding" else assignment).zero_()
    embedding.requires_grad_(), assignment.requires_grad_()
    vectors = region_vectors(embedding, assignment)
    assert torch.equal(vectors, torch.zeros_like(vectors))
    vectors.sum().backward()
    assert embedding.grad.isfinite().all()
    assert assignment.grad.isfinite().all()


def test_the_product_of_embedding_and_regions_is_never_made(largest):
    batch, clusters, dim, size = 2, 16, 32, 24
    embedding = unit(draw(batch, dim, size, size, dtype=torch.float32), dim=1).requires_grad_()
    assignment = draw_assignment(batch, clusters, size, size).float().requires_grad_()
    with largest() as ours:
        region_vectors(embedding, assignment).sum().backward()
    assert ours.elements <= embedding.numel()
    with largest() as naive:
        (embedding[:, None] * assignment[:, :, None]).flatten(3).mean(3)
    assert naive.elements == batch * clusters * dim * size * size


def test_nothing_of_the_products_size_is_kept_for_the_backward_pass():
    kept = []

    def keep(tensor):
        kept.append(tensor.numel())
        return tensor

    embedding = draw(2, 8, 16, 16, dtype=torch.float32).requires_grad_()
    assignment = draw_assignment(2, 4, 16, 16).float().requires_grad_()
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        region_vectors(embedding, assignment)
    assert 0 < max(kept) <= embedding.numel()


def test_half_precision_maps_give_single_vectors_close_to_the_exact_ones():
    embedding, assignment = unit(draw(2, 4, 32, 32), dim=1), draw_assignment(2, 3, 32, 32)
    half = region_vectors(embedding.half(), assignment.half())
    assert half.dtype == torch.float32
    exact = region_vectors(embedding.half().double(), assignment.half().double())
    torch.testing.assert_close(half.double(), exact, atol=5e-4, rtol=0)


def test_half_precision_maps_of_the_papers_size_do_not_overflow():
    embedding = torch.zeros(1, 2, 448, 448, dtype=torch.float16)
    embedding[:, 0] = 1.0
    vectors = region_vectors(embedding, torch.ones(1, 1, 448, 448, dtype=torch.float16))
    torch.testing.assert_close(vectors, torch.tensor([[[1.0, 0.0]]]))
