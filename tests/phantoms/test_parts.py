"""The parts phantoms are made of: strokes, trees and fields.

The parts that CT phantoms are made of: fields, grids, bodies, tubes.
"""

from dataclasses import replace

import numpy as np
import pytest

from ldl.phantoms.ct.bodies import (
    Grid,
    Window,
    carve,
    column,
    ellipsoid,
    join,
    path,
    profile,
    taper,
    tube,
)
from ldl.phantoms.ct.scene import Part, Scene, draw_tissue
from ldl.phantoms.fields import (
    blur,
    curve,
    fractal,
    noise,
    paint,
    sample_lines,
    step,
    streams,
    threshold,
    wave,
    weights,
)
from ldl.phantoms.fundus import AVASCULAR, FOVEA, retinal_tree
from ldl.phantoms.growth import Branches, Manner, sprout
from ldl.rng import numpy_generator


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
    tree = retinal_tree(np.random.default_rng(3))
    assert len(tree) == 4 + 3  # from the trunks, and from the twigs of the disc
    widest = [b.radius.max() for b in tree[:4]]
    assert all(a > b for a, b in zip(widest, widest[2:], strict=False))
    assert all((b.radius >= 0).all() for b in tree)


def test_no_vessel_enters_the_avascular_zone():
    for seed in range(5):
        for branches in retinal_tree(np.random.default_rng(seed)):
            alive = branches.points[branches.radius > 0]
            assert (np.linalg.norm(alive - FOVEA, axis=1) > AVASCULAR).all()


def test_calibre_and_tortuosity_are_knobs():
    calm, wild = (
        retinal_tree(np.random.default_rng(0), tortuosity=t)[0].heading for t in (0.2, 2.0)
    )
    assert np.abs(np.diff(wild, axis=1)).mean() > 1.5 * np.abs(np.diff(calm, axis=1)).mean()
    thin, thick = (retinal_tree(np.random.default_rng(0), calibre=c) for c in (1.0, 1.5))
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


STILL = Window((0.0, 0.0), 100.0, 120.0)


def still_grid(shape=(20, 40, 40), window=STILL):
    return Grid(numpy_generator(0, "grid"), shape, window)


def test_spline_weights_are_a_partition_of_one():
    w = weights(37, 210.0, 13.0)
    np.testing.assert_allclose(w.sum(1), 1.0, atol=1e-5)
    assert w.min() >= 0


def test_noise_has_unit_variance_and_does_not_know_the_voxels():
    extent = (300.0, 300.0, 300.0)
    coarse = noise(numpy_generator(1, "n"), (30, 30, 30), extent, 12.0)
    fine = noise(numpy_generator(1, "n"), (90, 90, 90), extent, 12.0)
    assert coarse.std() == pytest.approx(1.0, abs=0.1)
    np.testing.assert_allclose(fine[1::3, 1::3, 1::3], coarse, atol=1e-3)
    box = (slice(3, 9), slice(0, 5), slice(20, 30))
    part = noise(numpy_generator(1, "n"), (30, 30, 30), extent, 12.0, box)
    np.testing.assert_allclose(part, coarse[box], atol=1e-4)


def test_a_wave_has_unit_variance():
    assert wave(numpy_generator(0, "w"), 5000, 7.0).std() == pytest.approx(1.0, abs=0.1)


def test_the_grid_is_in_millimetres_with_the_origin_in_the_middle():
    g = still_grid()
    assert g.spacing == (5.0, 3.0, 3.0)
    assert g.x[0, 0, 0] == pytest.approx(-58.5)
    assert g.y[0, -1, 0] == pytest.approx(58.5)
    assert g.z[-1, 0, 0] == pytest.approx(47.5)


def test_a_view_holds_all_of_its_box_however_the_patient_lies():
    g = still_grid(window=Window((4.0, -3.0), 100.0, 120.0, 7.0, 4.0, 40.0, 1.0))
    low, high = np.array((-20.0, -10.0, -25.0)), np.array((15.0, 30.0, 20.0))
    v = g.view(low, high)
    inside = np.ones(g.shape, bool)
    for a, lo, hi in zip((g.x, g.y, g.z), low, high, strict=True):
        inside &= (a >= lo) & (a <= hi)
    assert inside.any()
    assert inside[v.box].sum() == inside.sum()
    np.testing.assert_array_equal(g.x[v.box], v.x)
    np.testing.assert_array_equal(g.z[v.box[:2]], v.z)


def test_an_ellipsoid_is_signed_and_exact_on_its_axes():
    v = still_grid((41, 41, 41), Window((0, 0), 82.0, 82.0)).view()
    ball = ellipsoid(v, (2, 0, 0), (20, 20, 20))
    exact = np.sqrt((v.x - 2) ** 2 + v.y**2 + v.z**2) - 20
    np.testing.assert_allclose(ball, exact, atol=0.02)
    long = ellipsoid(v, (0, 0, 0), (30, 10, 10), (90, 0, 0))
    volume = (long < 0).sum() * 8.0
    assert volume == pytest.approx(4 / 3 * np.pi * 3000, rel=0.05)
    assert np.ptp(np.argwhere(long < 0), axis=0).argmax() == 1


def test_a_column_is_an_ellipse_or_nearly_a_rectangle():
    v = still_grid((4, 80, 80), Window((0, 0), 20.0, 120.0)).view()
    area = [(column(v, 0, 40, 20, 30, s)[0] < 0)[0].sum() * 2.25 for s in (0.0, 0.999)]
    assert area[0] == pytest.approx(np.pi * 40 * 25, rel=0.03)
    assert area[1] == pytest.approx(80 * 50, rel=0.06)


def test_joining_and_carving_keep_what_is_far_from_the_seam():
    a, b = np.float32([-9, -9, 9, -1]), np.float32([-9, 9, 9, -1])
    assert (join(a, b, 4.0) < 0).tolist() == [True, True, False, True]
    assert join(a, b, 4.0)[3] < -1
    assert (carve(a, b, 4.0) < 0).tolist() == [False, True, False, False]


def test_a_profile_stays_between_its_knots():
    z = np.linspace(-50, 50, 200)
    p = profile(z, (-20, 0, 30), (1.0, 5.0, 2.0))
    assert p.min() == pytest.approx(1.0)
    assert p.max() <= 5.0
    assert p[-1] == pytest.approx(2.0)


def test_a_path_passes_its_points_in_even_steps():
    points = [(0, 0, 0), (10, 5, 0), (30, 5, 10), (30, 30, 30)]
    way = path(points, 1.0)
    for p in points:
        assert np.linalg.norm(way - p, axis=1).min() < 0.6
    steps = np.linalg.norm(np.diff(way, axis=0), axis=1)
    assert np.ptp(steps) < 0.2
    np.testing.assert_allclose(way[[0, -1]], np.array(points, float)[[0, -1]])


def test_a_tube_measures_the_distance_to_its_nearest_sample():
    g = still_grid()
    way = path([(-30, -20, -20), (0, 10, 0), (30, 0, 20)], 4.0)
    radius = taper(len(way), (6, 9, 5))
    v, distance, nearest = tube(g, way, radius, 5.0)
    away = np.linalg.norm(v.points[..., None, :] - way, axis=-1)
    inside = away.min(-1) < radius.max() + 5.0
    exact = away.min(-1) - radius[away.argmin(-1)]
    np.testing.assert_allclose(distance[inside], exact[inside], atol=1e-3)
    assert (nearest[inside] == away.argmin(-1)[inside]).mean() > 0.999
    assert (distance[~inside] > 5.0).all()


def test_a_thin_tube_in_a_slice_is_not_lost_between_slices():
    g = still_grid((8, 40, 40), Window((0, 0), 120.0, 120.0))
    for height in np.linspace(-10, 10, 9):
        way = path([(-20, 0, height), (20, 0, height)], 2.0)
        assert (tube(g, way, taper(len(way), (2.2,)))[1] < 1.0).sum() > 8


def test_a_bowel_has_a_wall_and_gas_that_floats_in_front():
    loop = Part(
        ((0, "gland"),), "left parotid", way=((0, 0, -30), (0, 0, 30)), radii=(12.0,), move=0.0,
        size=0.0, filling=(6.0, 20.0, 0.5),
    )  # fmt: skip
    scene = painted(loop)
    away, y = np.hypot(scene.grid.x, scene.grid.y), scene.grid.y + 0 * scene.image
    middle = np.abs(scene.grid.z + 0 * away) < 20
    gas = middle & (scene.image < -600) & (away < 5)
    fluid = middle & (np.abs(scene.image - 20.0) < 400) & (away < 4)
    assert gas.any()
    assert fluid.any()
    assert y[gas].mean() < y[fluid].mean()
    wall = middle & (np.abs(away - 9.0) < 1.0)
    assert np.median(scene.image[wall]) == pytest.approx(60.0, abs=15)
    assert (scene.label[middle & (away < 11)] == scene.code("left parotid")).all()


def test_paint_mixes_at_the_edge_and_labels_the_inside():
    g = still_grid()
    scene = Scene("thorax", g, lambda name: numpy_generator(0, name), {})
    v = g.view()
    ball = ellipsoid(v, (0, 0, 0), (20, 20, 20))
    scene.paint(v, ball, 100.0, scene.code("heart"))
    assert scene.code("liver") == 0
    np.testing.assert_array_equal(scene.label == 6, ball < 0)
    assert scene.image[ball < -3].min() == scene.image.max() == 100.0
    assert scene.image[ball > 3].max() == -1000.0
    assert ((scene.image > -900) & (scene.image < 0)).any()


def painted(*parts, seed=0):
    scene = Scene("head_neck", still_grid(), lambda name: numpy_generator(seed, name), TISSUE)
    scene.compose({"row": parts}, {})
    return scene


TISSUE = {"fat": -100.0, "gland": 60.0, "csf": 10.0, "air": -995.0}
GLAND = Part(
    ((4, "fat"), (0, "gland"), (-4, "csf")), "{} parotid", blobs=(((30, 0, 0), (12, 12, 12)),),
    move=0.0, size=0.0, paired=True,
)  # fmt: skip


def test_a_row_is_painted_coat_by_coat_on_both_sides():
    scene = painted(GLAND)
    assert set(np.unique(scene.label)) == {
        0,
        scene.code("left parotid"),
        scene.code("right parotid"),
    }
    left, right = (scene.label == scene.code(f"{side} parotid") for side in ("left", "right"))
    np.testing.assert_array_equal(left[:, :, ::-1], right)
    assert scene.grid.x[left].min() > 0
    away = np.sqrt((scene.grid.x - 30) ** 2 + scene.grid.y**2 + scene.grid.z**2)
    for low, high, value in ((0, 6, 10.0), (9.7, 10.3, 60.0), (13.6, 14.4, -100.0)):
        between = (away >= low) & (away < high)
        assert np.median(scene.image[between]) == value
    np.testing.assert_array_equal(left, away < 12)


def test_an_outer_coat_takes_labels_and_an_inner_one_keeps_them():
    neighbour = replace(GLAND, organ="brainstem", blobs=(((44, 0, 0), (6, 6, 6)),), paired=False)
    before, after = painted(neighbour), painted(neighbour, GLAND)
    code = before.code("brainstem")
    assert 0 < (after.label == code).sum() < (before.label == code).sum()


def test_rows_differ_between_patients_as_much_as_they_say():
    freely = replace(GLAND, move=3.0, size=0.2, rough=(1.0, 10.0))
    sizes = [(painted(freely, seed=seed).label > 0).sum() for seed in range(12)]
    assert np.std(sizes) / np.mean(sizes) > 0.15
    there = [(painted(replace(GLAND, chance=0.5), seed=seed).label > 0).any() for seed in range(12)]
    assert 0 < sum(there) < 12


def test_a_thin_tube_keeps_a_label_and_a_hollow_takes_one():
    nerve = Part(((0, "gland"),), "optical chiasm", way=((-20, 0, 0), (20, 0, 0)), radii=(0.5,))
    slices = (painted(nerve).label > 0).any((0, 1))
    assert slices.sum() >= 12
    cut = replace(GLAND, hollows=(((30, 0, 12), (14, 14, 8)),))
    assert (painted(cut).label > 0).sum() < 0.9 * (painted(GLAND).label > 0).sum()


def test_patients_have_different_phases():
    drawn = [draw_tissue(numpy_generator(k, "tissue")) for k in range(200)]
    artery = np.array([t["artery"] for t in drawn])
    assert (artery < 60).mean() > 0.1
    assert (artery > 180).mean() > 0.1
    gap = np.array([t["liver"] - t["spleen"] for t in drawn])
    assert (np.abs(gap) < 15).mean() > 0.2
