"""The eight symmetries of the square: exact, invertible, a group."""

import itertools

import pytest
import torch

from ldl.data.sampling import (
    DIHEDRAL,
    FLIP_COLUMNS,
    FLIP_ROWS,
    ROTATIONS,
    SYMMETRY_SETS,
    TRANSPOSE,
    apply_symmetry,
    undo_symmetry,
)
from ldl.errors import ConfigError

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
