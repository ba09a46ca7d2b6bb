"""Vessel masks in the manner of OCTA and DSA: another layout than the fundus, the same local
shape. Anatomy lies in a square from -1 to 1.
"""

from __future__ import annotations

import numpy as np

from ldl.phantoms.fields import Array, Streams
from ldl.phantoms.growth import Branches, Buds, Manner, grow, walk
from ldl.phantoms.strokes import paint, sample_lines, stacked

STEPS = 40
OCTA = Manner(0.12, (0.32, 0.6), (0.7, 1.4), 48.0, 0.42, 1.2, 0.0045, 0.75)
DSA = Manner(0.17, (0.35, 0.8), (0.4, 1.1), 55.0, 0.42, 1.2, 0.0045, 0.6)


def draw_octa(draw: Streams, size: int) -> Array:
    """Two arcades cross the square above and below the avascular zone in its middle: bool (size,
    size).
    """
    rng = draw("octa")
    n = int(rng.integers(3, 6))
    upper, first = np.arange(n) % 2 == 0, np.arange(n) < 2
    level = np.where(first, rng.uniform(0.4, 0.65, n), rng.uniform(0.75, 1.0, n))
    level = np.where(upper, -level, level)
    start = np.stack([np.full(n, -1.1), level * rng.uniform(0.85, 1.1, n)], 1)
    buds = Buds(start, rng.normal(0.0, 0.25, n), rng.uniform(0.016, 0.026, n), upper)
    target = np.stack([np.full(n, 2.5), level], 1)
    trunk = walk(rng, buds, np.full(n, 2.5), target, OCTA, STEPS, 0.7)
    return _rendered(rng, grow(rng, trunk, OCTA, _inwards, prune=_spare_middle), size)


def draw_dsa(draw: Streams, size: int) -> Array:
    """A coronary artery: one catheter-like root, a few long winding branches, twigs to one side:
    bool (size, size).
    """
    rng = draw("dsa")
    n, root = int(rng.integers(1, 4)), rng.uniform([-0.7, -0.7], [0.0, -0.45])
    start = np.tile(root, (n, 1))
    buds = Buds(start, rng.uniform(0.0, 1.5, n), rng.uniform(0.022, 0.034, n), np.zeros(n, bool))
    target = start + 3.0 * buds._replace(heading=rng.uniform(0.2, 1.8, n)).way
    trunk = walk(rng, buds, rng.uniform(1.3, 2.2, n), target, DSA, STEPS, 0.6)
    tip = Buds(root[None], rng.uniform(-2.9, -1.2, 1), np.array([0.02]), np.zeros(1, bool))
    catheter = walk(rng, tip, np.array([0.9]), root[None] + (-0.6, -2.0), DSA, STEPS, 1.0)
    return _rendered(rng, [catheter, *grow(rng, trunk, DSA, _downwards)], size)


def _inwards(buds: Buds) -> Array:
    """Branches that point to the middle go there, the others to the border."""
    inwards = (buds.way * -buds.start).sum(1) > 0
    outwards = 1.4 * buds.start + 1.2 * buds.way
    return np.where(inwards[:, None], 0.2 * buds.start, outwards)


def _downwards(buds: Buds) -> Array:
    """Coronary branches run on towards the apex of the heart, at the lower right."""
    return buds.start + 0.8 * buds.way + np.array([0.25, 0.6])


def _spare_middle(b: Branches) -> Branches:
    """End every branch at the avascular zone."""
    alive = np.logical_and.accumulate(np.linalg.norm(b.points, axis=2) > 0.14, axis=1)
    return b._replace(radius=b.radius * alive)


def _rendered(rng: np.random.Generator, tree: list[Branches], size: int) -> Array:
    half = 0.5 * size
    lines = [sample_lines((b.points + 1.0) * half, b.radius * half, 0 * b.radius + 1) for b in tree]
    mask = paint(stacked(lines), size) > 0.3
    return mask[:, ::-1] if rng.random() < 0.5 else mask
