"""Vessel masks in the manner of OCTA and DSA: another layout than the fundus, the same local
shape.
"""

from __future__ import annotations

import numpy as np

from .fields import Array, Streams
from .growth import Branches, Buds, Manner, extend, sprout, walk
from .strokes import paint, sample_lines

STEPS = 40


def draw_octa(draw: Streams, size: int) -> Array:
    """Two arcades cross the square above and below the avascular zone in its middle: bool (size,
    size).
    """
    rng = draw("octa")
    n = int(rng.integers(3, 6))
    side = np.where(np.arange(n) % 2 == 0, -1.0, 1.0)
    level = side * np.where(np.arange(n) < 2, rng.uniform(0.4, 0.65, n), rng.uniform(0.75, 1.0, n))
    start = np.stack([np.full(n, -1.1), level * rng.uniform(0.85, 1.1, n)], 1)
    heading = rng.normal(0.0, 0.25, n)
    target = np.stack([np.full(n, 2.5), level], 1)
    manner = Manner(0.12, (0.32, 0.6), (0.7, 1.4), 48.0, 0.42, 1.2, 0.0045, 0.75)
    points, headings = walk(rng, start, heading, np.full(n, 2.5), target, manner, STEPS)
    radius = rng.uniform(0.016, 0.026, n)[:, None] * np.linspace(1.0, 0.7, STEPS)[None]
    trunk = Branches(points, headings, radius, side > 0, np.zeros(n, int))
    return _render(_grow(rng, trunk, manner, centre=True), size, flip=rng.random() < 0.5)


def draw_dsa(draw: Streams, size: int) -> Array:
    """A coronary artery: one catheter-like root, a few long winding branches, twigs to one side:
    bool (size, size).
    """
    rng = draw("dsa")
    n = int(rng.integers(1, 4))
    start = np.tile(rng.uniform([-0.7, -0.7], [0.0, -0.45]), (n, 1))
    heading = rng.uniform(0.0, 1.5, n)
    target = start + 3.0 * np.stack(
        [np.cos(rng.uniform(0.2, 1.8, n)), np.sin(rng.uniform(0.2, 1.8, n))], 1
    )
    manner = Manner(0.17, (0.35, 0.8), (0.4, 1.1), 55.0, 0.42, 1.2, 0.0045, 0.6)
    points, headings = walk(rng, start, heading, rng.uniform(1.3, 2.2, n), target, manner, STEPS)
    radius = rng.uniform(0.022, 0.034, n)[:, None] * np.linspace(1.0, 0.6, STEPS)[None]
    trunk = Branches(points, headings, radius, np.zeros(n, bool), np.zeros(n, int))
    root, turns = walk(
        rng,
        start[:1],
        np.array([rng.uniform(-2.9, -1.2)]),
        np.array([0.9]),
        start[:1] + np.array([-0.6, -2.0]),
        manner,
        STEPS,
    )
    catheter = Branches(root, turns, np.full((1, STEPS), 0.02), np.zeros(1, bool), np.zeros(1, int))
    return _render(
        [catheter, *_grow(rng, trunk, manner, centre=False)], size, flip=rng.random() < 0.5
    )


def _grow(
    rng: np.random.Generator, trunk: Branches, manner: Manner, *, centre: bool
) -> list[Branches]:
    """Three generations; with `centre` the inner branches seek the middle and stop before it."""
    tree, generation = [], trunk
    for _ in range(3):
        grown, buds = sprout(rng, _spare_middle(generation) if centre else generation, manner)
        tree.append(grown)
        generation = extend(
            rng, buds, _aims_inwards(buds) if centre else _aims_down(buds), manner, 14
        )
    return [*tree, _spare_middle(generation) if centre else generation]


def _aims_inwards(buds: Buds) -> Array:
    """Branches that point to the middle go there, the others to the border."""
    way = np.stack([np.cos(buds.heading), np.sin(buds.heading)], 1)
    inwards = (way * -buds.start).sum(1) > 0
    return np.where(inwards[:, None], 0.2 * buds.start, buds.start + 1.2 * way + 0.4 * buds.start)


def _aims_down(buds: Buds) -> Array:
    """Coronary branches run on towards the apex of the heart, at the lower right."""
    way = np.stack([np.cos(buds.heading), np.sin(buds.heading)], 1)
    return buds.start + 0.8 * way + np.array([0.25, 0.6])


def _spare_middle(b: Branches) -> Branches:
    """End every branch at the avascular zone."""
    alive = np.logical_and.accumulate(np.linalg.norm(b.points, axis=2) > 0.14, axis=1)
    return Branches(b.points, b.heading, b.radius * alive, b.vein, b.order)


def _render(tree: list[Branches], size: int, *, flip: bool) -> Array:
    total = np.zeros((size, size), np.float32)
    for branches in tree:
        pixels = ((branches.points + 1.0) * 0.5 * size).astype(np.float32)
        radius = (branches.radius * 0.5 * size).astype(np.float32)
        total = np.maximum(total, paint(sample_lines(pixels, radius, np.ones_like(radius)), size))
    mask = total > 0.3
    return mask[:, ::-1] if flip else mask
