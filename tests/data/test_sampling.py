"""Affine sampling with parameters of its own for each image: crops and upright boxes.

The eight symmetries of the square: exact, invertible, a group.
"""

import itertools
import math

import pytest
import torch

from ldl.data.sampling import (
    DIHEDRAL,
    FLIP_COLUMNS,
    FLIP_ROWS,
    ROTATIONS,
    SYMMETRY_SETS,
    TRANSPOSE,
    Affine,
    apply_symmetry,
    boxes,
    random_affine,
    random_boxes,
    undo_symmetry,
    uniform,
)
from ldl.errors import ConfigError

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


IMAGE = torch.arange(2 * 3 * 8 * 8, dtype=torch.float32).view(2, 3, 8, 8)


def test_a_box_on_whole_pixels_is_a_slice():
    """Columns 2-5 of rows 4-7, and columns 4-7 of rows 0-3."""
    box = boxes(torch.tensor([0.5, 0.5]), torch.tensor([[0.0, 0.5], [0.5, -0.5]]))
    found = box.sample(IMAGE, 4)
    expected = torch.stack([IMAGE[0, :, 4:, 2:6], IMAGE[1, :, :4, 4:]])
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)


def test_a_mirrored_box_is_its_slice_from_right_to_left():
    box = boxes(torch.ones(2), torch.zeros(2, 2), torch.tensor([True, False]))
    found = box.sample(IMAGE, 8)
    expected = torch.stack([IMAGE[0].flip(-1), IMAGE[1]])
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("share", [0.3, 0.875, 1.0])
def test_random_boxes_have_one_size_and_lie_within_the_image(share):
    draw = torch.Generator().manual_seed(0)
    matrix = random_boxes(500, share=share, mirror=0.5, generator=draw).matrix
    assert torch.allclose(matrix[:, 0, 0].abs(), torch.tensor(share))
    assert torch.allclose(matrix[:, 1, 1], torch.tensor(share))
    assert not matrix[:, 0, 1].any()
    assert not matrix[:, 1, 0].any()
    reach = matrix[:, :, 2].abs().max()
    assert reach <= 1 - share + 1e-6
    assert share == 1 or reach > 0.95 * (1 - share)


@pytest.mark.parametrize("mirror", [0.0, 0.5, 1.0])
def test_boxes_are_mirrored_as_often_as_asked(mirror):
    draw = torch.Generator().manual_seed(0)
    matrix = random_boxes(1000, share=0.5, mirror=mirror, generator=draw).matrix
    assert float((matrix[:, 0, 0] < 0).float().mean()) == pytest.approx(mirror, abs=0.05)


EIGHT = range(8)


def numbered(*shape):
    """Every element another, so that no two arrangements look alike."""
    return torch.arange(torch.Size(shape).numel(), dtype=torch.float32).view(shape)


@pytest.mark.parametrize("code", EIGHT)
@pytest.mark.parametrize("shape", [(2, 3, 4, 4), (2, 3, 4, 6), (1, 1, 5, 1), (3, 7, 2)])
def test_one_code_for_all_round_trips_exactly_on_any_grid(code, shape):
    maps = numbered(*shape)
    turned = apply_symmetry(maps, code)
    height, width = shape[-2:]
    assert turned.shape[-2:] == ((width, height) if code & TRANSPOSE else (height, width))
    assert torch.equal(undo_symmetry(turned, code), maps)
    assert torch.equal(apply_symmetry(undo_symmetry(maps, code), code), maps)


@pytest.mark.parametrize("shape", [(8, 3, 5, 5), (8, 6, 6), (8, 2, 2, 4, 4)])
def test_a_code_for_each_is_the_same_as_one_by_one(shape):
    maps, codes = numbered(*shape), torch.tensor(list(EIGHT))
    turned = apply_symmetry(maps, codes)
    for n in EIGHT:
        assert torch.equal(turned[n], apply_symmetry(maps[n : n + 1], n)[0])
    assert torch.equal(undo_symmetry(turned, codes), maps)


@pytest.mark.parametrize("turning", [0, TRANSPOSE])
def test_codes_for_each_work_on_non_square_grids_where_all_or_none_transpose(turning):
    codes = torch.tensor([code for code in EIGHT if code & TRANSPOSE == turning])
    maps = numbered(4, 2, 3, 5)
    turned = apply_symmetry(maps, codes)
    assert turned.shape == ((4, 2, 5, 3) if turning else (4, 2, 3, 5))
    for n, code in enumerate(codes.tolist()):
        assert torch.equal(turned[n], apply_symmetry(maps[n : n + 1], code)[0])
    assert torch.equal(undo_symmetry(turned, codes), maps)


def test_the_bits_mean_transpose_then_rows_then_columns():
    maps = numbered(1, 2, 3)
    rows = maps[0].tolist()
    assert apply_symmetry(maps, FLIP_ROWS)[0].tolist() == rows[::-1]
    assert apply_symmetry(maps, FLIP_COLUMNS)[0].tolist() == [row[::-1] for row in rows]
    assert apply_symmetry(maps, TRANSPOSE)[0].tolist() == [list(c) for c in zip(*rows, strict=True)]
    both = apply_symmetry(apply_symmetry(maps, TRANSPOSE), FLIP_ROWS)
    assert torch.equal(apply_symmetry(maps, TRANSPOSE | FLIP_ROWS), both)


def table():
    """What each code makes of a numbered square, as a hashable."""
    square = numbered(1, 3, 3)
    return {code: tuple(apply_symmetry(square, code).flatten().tolist()) for code in EIGHT}


def test_the_eight_differ_and_are_closed_under_composition():
    square, made = numbered(1, 3, 3), table()
    assert len(set(made.values())) == 8
    for one, other in itertools.product(EIGHT, EIGHT):
        twice = apply_symmetry(apply_symmetry(square, one), other)
        assert tuple(twice.flatten().tolist()) in made.values()


def test_the_released_set_is_exactly_the_four_rotations():
    square = numbered(1, 3, 3)
    turns = [tuple(torch.rot90(square, k, (1, 2)).flatten().tolist()) for k in range(4)]
    assert [table()[code] for code in ROTATIONS] == [turns[k] for k in (0, 3, 2, 1)]
    assert len(ROTATIONS) == 4
    assert SYMMETRY_SETS == {"rotations": ROTATIONS, "dihedral": DIHEDRAL}
    assert sorted(DIHEDRAL) == list(EIGHT)


def test_the_releases_flip_is_a_half_turn():
    square = numbered(1, 3, 3)
    half = apply_symmetry(square, FLIP_ROWS | FLIP_COLUMNS)
    assert torch.equal(half, torch.rot90(square, 2, (1, 2)))


@pytest.mark.parametrize("function", [apply_symmetry, undo_symmetry])
def test_pooling_commutes_with_every_symmetry(function):
    maps = torch.randint(0, 9, (8, 2, 12, 12), generator=torch.Generator().manual_seed(1)).double()
    codes, pool = torch.tensor(list(EIGHT)), torch.nn.AdaptiveAvgPool2d(4)
    assert torch.equal(pool(function(maps, codes)), function(pool(maps), codes))


def test_gradients_come_back_to_where_they_belong():
    maps = numbered(8, 1, 4, 4).requires_grad_()
    codes = torch.tensor(list(EIGHT))
    weight = torch.rand(8, 1, 4, 4)
    (apply_symmetry(maps, codes) * weight).sum().backward()
    assert torch.equal(maps.grad, undo_symmetry(weight, codes))


@pytest.mark.parametrize("function", [apply_symmetry, undo_symmetry])
def test_what_cannot_be_done_is_refused_in_one_line(function):
    with pytest.raises(ConfigError, match="2x3") as caught:
        function(numbered(2, 1, 2, 3), torch.tensor([0, 1]))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("function", [apply_symmetry, undo_symmetry])
@pytest.mark.parametrize(
    "code",
    [
        8,
        -1,
        pytest.param(
            torch.tensor([0, 8]),
            marks=pytest.mark.xfail(strict=True, reason="codes of a tensor are not checked"),
        ),
    ],
)
def test_codes_outside_0_to_7_are_refused(function, code):
    with pytest.raises(ConfigError, match="0 to 7"):
        function(numbered(2, 3, 3), code)
