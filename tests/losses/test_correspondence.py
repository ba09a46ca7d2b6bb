"""Correspondence: the nearest cell by cosine, and the right place by geometry."""

import torch

from ldl.data.recipes import Recipe, draw_view
from ldl.losses.instance import correspondence

# Crops and flips only, so that a cell's colour says where in the image it lies.
GEOMETRY = Recipe(area=(0.3, 1.0), jitter=0.0, gray=0.0)
SIDE = 6


def test_it_is_the_arg_max_of_the_cosine_of_a_loop():
    draw = torch.Generator().manual_seed(0)
    one = torch.randn(3, 5, 4, generator=draw, dtype=torch.float64)
    other = torch.randn(3, 7, 4, generator=draw, dtype=torch.float64)
    match = correspondence(one, other)
    assert match.shape == (3, 5)
    assert match.dtype == torch.int64
    for b in range(3):
        for q in range(5):
            cosines = [
                float(one[b, q] @ other[b, k] / (one[b, q].norm() * other[b, k].norm()))
                for k in range(7)
            ]
            assert int(match[b, q]) == cosines.index(max(cosines))


def test_length_does_not_count_and_no_gradient_flows():
    one = torch.randn(2, 4, 3, requires_grad=True)
    scale = torch.tensor([0.1, 7.0, 1.0, 30.0])[:, None]
    assert torch.equal(correspondence(one, one * scale), torch.arange(4).expand(2, 4))
    assert not correspondence(one, one).requires_grad


def coordinates(count, size=96):
    """An image whose red grows to the right and whose green grows downwards."""
    line = torch.linspace(0, 255, size).round().to(torch.uint8)
    red, green = line.expand(size, size), line[:, None].expand(size, size)
    return torch.stack([red, green, torch.full_like(red, 128)]).expand(count, 3, size, size)


def encode(view):
    """A toy encoder that goes with every crop: a cell's mean colour, read as a place.

    Places far apart point in other directions: an angle each for x and y, below half a turn.
    """
    mean, std = torch.tensor([0.485, 0.456]), torch.tensor([0.229, 0.224])
    cells = torch.nn.functional.adaptive_avg_pool2d(view, SIDE).flatten(2).transpose(1, 2)
    angle = (cells[..., :2] * std + mean) * 3.0
    return torch.cat([angle.cos(), angle.sin()], dim=-1)


def in_source(affine, points):
    """(S, 2) places of a view, -1..1, as places of the image it was cut from: (B, S, 2)."""
    return (
        torch.einsum("bij,sj->bsi", affine.matrix[:, :, :2], points) + affine.matrix[:, None, :, 2]
    )


def test_cells_of_two_views_land_within_one_cell():
    """The geometry that made the views says where each cell of the first lies in the second."""
    images = coordinates(64)
    draw = torch.Generator().manual_seed(5)
    first, second = (draw_view(images, 96, GEOMETRY, draw) for _ in range(2))
    match = correspondence(encode(first.image), encode(second.image))
    line = (torch.arange(SIDE) + 0.5) / SIDE * 2 - 1
    centres = torch.stack([line.repeat(SIDE), line.repeat_interleave(SIDE)], dim=1)
    offset = in_source(first.affine, centres) - second.affine.matrix[:, None, :, 2]
    true = torch.linalg.solve(second.affine.matrix[:, :, :2], offset.transpose(1, 2)).transpose(
        1, 2
    )
    inside = (true.abs() < 1).all(dim=2)
    assert inside.float().mean() > 0.5
    cell = 2 / SIDE
    away = (centres[match] - true).abs().amax(dim=2) / cell
    assert away[inside].max() < 1
    # A cell whose place is in the other view as a cell lands in that very cell, nearly always.
    assert (away[inside] <= 0.55).float().mean() > 0.9
