"""Affine sampling with parameters of its own for each image."""

import math

import pytest
import torch

from ldl.data.sampling import Affine, random_affine, uniform

IDENTITY = torch.tensor([[1.0, 0, 0], [0, 1, 0]])


def draw(seed=0):
    return torch.Generator().manual_seed(seed)


def coordinates(size):
    """(1, 2, size, size): x and y of each pixel's centre in -1..1."""
    line = (torch.arange(size) + 0.5) / size * 2 - 1
    return torch.stack(torch.meshgrid(line, line, indexing="xy"))[None]


def test_the_identity_changes_nothing():
    image = torch.rand(2, 3, 8, 8, generator=draw())
    torch.testing.assert_close(Affine(IDENTITY.expand(2, 2, 3)).sample(image, 8), image)


def test_the_matrix_says_where_output_pixels_come_from():
    matrix = torch.tensor([[[0.5, 0.1, 0.2], [-0.1, 0.4, -0.3]]])
    places = coordinates(16)
    sampled = Affine(matrix).sample(places, 16)
    x, y = places[0]
    torch.testing.assert_close(sampled[0, 0], 0.5 * x + 0.1 * y + 0.2, atol=1e-5, rtol=0)
    torch.testing.assert_close(sampled[0, 1], -0.1 * x + 0.4 * y - 0.3, atol=1e-5, rtol=0)


def test_outside_the_image_is_black():
    shifted = Affine(torch.tensor([[[1.0, 0, 1.0], [0, 1, 0]]]))
    sampled = shifted.sample(torch.ones(1, 1, 8, 8), 8)
    assert (sampled[..., :4] == 1).all()
    assert (sampled[..., 4:] == 0).all()


def test_a_turn_is_about_the_centre_of_the_view():
    image = torch.rand(1, 1, 8, 8, generator=draw())
    turned = Affine(IDENTITY[None]).turned(torch.tensor([90.0])).sample(image, 8)
    quarter = [torch.rot90(image, k, (2, 3)) for k in (1, 3)]
    assert any(torch.allclose(turned, one, atol=1e-5) for one in quarter)
    base = random_affine(3, degrees=180, area=(0.9, 1), generator=draw())
    assert torch.equal(base.turned(torch.ones(3)).matrix[:, :, 2], base.matrix[:, :, 2])


def parts(affine):
    """extent (B, 2), centre of the crop in the turned frame (B, 2), frame (B, 2, 2)."""
    linear = affine.matrix[:, :, :2]
    extent = linear.norm(dim=1)
    frame = linear / extent[:, None, :]
    return extent, (frame.mT @ affine.matrix[:, :, 2:])[..., 0], frame


def test_crops_have_the_drawn_area_and_aspect_and_lie_within_the_image():
    extent, centre, frame = parts(random_affine(500, degrees=180, area=(0.9, 1), generator=draw()))
    torch.testing.assert_close(frame.mT @ frame, torch.eye(2).expand(500, 2, 2))
    area, ratio = extent.prod(1), extent[:, 0] / extent[:, 1]
    assert area.min() >= 0.9 - 1e-5
    assert area.max() <= 1 + 1e-5
    assert area.min() < 0.91
    assert ratio.max() <= 4 / 3
    assert ratio.max() * ratio.min() == pytest.approx(1, abs=0.1)
    assert (extent <= 1 + 1e-6).all()
    assert (centre.abs() + extent <= 1 + 1e-5).all()
    assert centre.abs().max() > 0.02


def test_flips_and_the_whole_circle_of_turns_occur():
    _, _, frame = parts(random_affine(500, degrees=180, area=(1, 1), generator=draw()))
    mirrored = torch.linalg.det(frame) < 0
    assert 0.4 < mirrored.float().mean() < 0.6
    angle = torch.atan2(frame[:, 1, 0], frame[:, 0, 0])
    assert torch.histc(angle, 8, -math.pi, math.pi).min() > 30


def test_no_turn_and_the_whole_area_leave_flips_only():
    matrix = random_affine(50, degrees=0, area=(1, 1), generator=draw()).matrix
    assert torch.equal(matrix.abs(), IDENTITY.expand(50, 2, 3))


def test_each_image_has_parameters_of_its_own():
    matrix = random_affine(64, degrees=180, area=(0.9, 1), generator=draw()).matrix
    assert len(torch.unique(matrix.flatten(1), dim=0)) == 64


def test_uniform_fills_its_range():
    values = uniform(2000, -2, 3, draw())
    assert -2 <= values.min() < -1.99
    assert 2.99 < values.max() < 3
    assert values.mean().item() == pytest.approx(0.5, abs=0.1)
