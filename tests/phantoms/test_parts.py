"""The parts phantoms are made of: strokes, trees and fields."""

import numpy as np
import pytest

from ldl.phantoms.eye import AVASCULAR, FOVEA, Habit, retinal_tree
from ldl.phantoms.fields import blur, curve, fractal, paint, sample_lines, step, streams, threshold
from ldl.phantoms.growth import Branches, Manner, sprout


def line(radius, size=32):
    """The map of one horizontal line through the middle of the square, ends well outside."""
    row = size / 2
    points = np.array([[[-10.0, row], [size + 10.0, row]]], np.float32)
    return paint(sample_lines(points, np.full((1, 2), radius), np.ones((1, 2))), size)


@pytest.mark.parametrize("radius", [0.1, 0.25, 0.5, 1.0, 2.5, 4.0])
def test_a_stroke_covers_its_own_area(radius):
    """A line of width 2r over 32 pixels covers 64r pixels, also when it is thinner than one."""
    shifted = [
        paint(
            sample_lines(
                np.array([[[-10.0, 16 + d], [42.0, 16 + d]]], np.float32),
                np.full((1, 2), radius),
                np.ones((1, 2)),
            ),
            32,
        ).sum()
        for d in np.linspace(0.0, 0.9, 10)
    ]
    assert np.mean(shifted) == pytest.approx(64 * radius, rel=0.15)


def test_a_stroke_stays_within_zero_and_one_and_fades_outwards():
    drawn = line(3.0)
    assert drawn.min() == 0.0
    assert drawn.max() <= 1.0
    profile = drawn[:, 16]
    assert (np.diff(profile[:16]) >= 0).all()
    assert profile[15] == pytest.approx(1.0)


def test_a_vertex_of_no_radius_ends_a_line():
    points = np.array([[[2.0, 16.0], [12.0, 16.0], [22.0, 16.0]]], np.float32)
    samples = sample_lines(points, np.array([[2.0, 2.0, 0.0]]), np.ones((1, 3)))
    drawn = paint(samples, 32)
    assert drawn[16, 6] == pytest.approx(1.0)
    assert drawn[:, 17:].sum() == 0.0


def test_nothing_to_paint_is_an_empty_map():
    empty = sample_lines(np.zeros((0, 5, 2), np.float32), np.zeros((0, 5)), np.zeros((0, 5)))
    assert paint(empty, 16).sum() == 0.0


def test_calibres_follow_murrays_law():
    """At a bifurcation the cubes of the daughters add up to the cube of the parent."""
    steps = 30
    points = np.zeros((1, steps, 2), np.float32)
    points[0, :, 0] = np.linspace(0, 3, steps)
    parent = Branches(
        points,
        np.zeros((1, steps)),
        np.full((1, steps), 0.02),
        np.zeros(1, bool),
    )
    manner = Manner(0.5, (0.4, 0.7), (0.5, 1.0), 10.0, 0.0, 0.0, 0.0, least=0.0)
    grown, buds = sprout(np.random.default_rng(0), parent, manner)
    cubes = grown.radius[0] ** 3
    given_off = -np.diff(cubes)
    along = given_off[given_off > 1e-12]
    assert len(along) >= 2
    np.testing.assert_allclose(along, buds.radius[: len(along)] ** 3, rtol=1e-6)


def test_daughters_are_thinner_than_their_parents():
    tree = retinal_tree(np.random.default_rng(3), Habit())
    assert len(tree) == 4 + 3  # from the trunks, and from the twigs of the disc
    widest = [b.radius.max() for b in tree[:4]]
    assert all(a > b for a, b in zip(widest, widest[2:], strict=False))
    assert all((b.radius >= 0).all() for b in tree)


def test_no_vessel_enters_the_avascular_zone():
    for seed in range(5):
        for branches in retinal_tree(np.random.default_rng(seed), Habit()):
            alive = branches.points[branches.radius > 0]
            assert (np.linalg.norm(alive - FOVEA, axis=1) > AVASCULAR).all()


def test_calibre_and_tortuosity_are_knobs():
    calm, wild = (
        retinal_tree(np.random.default_rng(0), Habit(tortuosity=t))[0].heading for t in (0.2, 2.0)
    )
    assert np.abs(np.diff(wild, axis=1)).mean() > 1.5 * np.abs(np.diff(calm, axis=1)).mean()
    thin, thick = (retinal_tree(np.random.default_rng(0), Habit(calibre=c)) for c in (1.0, 1.5))
    assert thick[0].radius.max() == pytest.approx(1.5 * thin[0].radius.max())


def test_noise_has_unit_variance_and_does_not_depend_on_the_size():
    coarse = fractal(np.random.default_rng(0), 64, 4, 3)
    fine = fractal(np.random.default_rng(0), 128, 4, 3)
    assert 0.5 < coarse.std() < 1.5
    shrunk = fine.reshape(64, 2, 64, 2).mean((1, 3))
    assert np.corrcoef(coarse.ravel(), shrunk.ravel())[0, 1] > 0.95


def test_a_soft_edge_runs_from_one_to_zero_around_its_middle():
    edge = step(np.array([-2.0, -1.0, 0.0, 1.0, 2.0]), 1.0)
    np.testing.assert_allclose(edge, [1.0, 1.0, 0.5, 0.0, 0.0])


def test_a_faint_structure_keeps_one_pixel_and_an_absent_one_none():
    faint = np.zeros((4, 4))
    faint[1, 2] = 0.1
    assert threshold(faint, 0.4).sum() == 1
    assert threshold(np.zeros((4, 4)), 0.4).sum() == 0


def test_ingredients_have_streams_of_their_own():
    one, same, other = streams(0, "a"), streams(0, "a"), streams(0, "b")
    assert one("x").random() == same("x").random()
    assert len({one("x").random(), one("y").random(), other("x").random()}) == 3


def test_a_blur_keeps_what_is_even_and_spreads_a_point_like_a_gaussian():
    np.testing.assert_allclose(blur(np.ones((3, 20, 20)), 4.0), 1.0, rtol=1e-5)
    point = np.zeros((41, 41))
    point[20, 20] = 1.0
    spread = blur(point, 3.0)
    assert spread.sum() == pytest.approx(1.0, rel=1e-3)
    assert spread[20, 23] / spread[20, 20] == pytest.approx(np.exp(-0.5), rel=1e-4)
    np.testing.assert_array_equal(blur(point, 0.1), point)


def test_a_curve_passes_its_points_open_or_closed():
    points = np.array([(0.0, 0.0), (2.0, 0.0), (2.0, 1.0), (0.0, 1.0)])
    line, ring = curve(points, 6), curve(points, 6, closed=True)
    assert (len(line), len(ring)) == (3 * 6 + 1, 4 * 6)
    np.testing.assert_allclose(line[::6], points)
    np.testing.assert_allclose(ring[::6], points)
