"""Branching trees that grow generation by generation, all branches of a generation at once.

Calibres follow Murray's law: at every bifurcation the cubes of the daughters' radii add up to the
parent's. Two such trees are drawn here: vessel masks in the manner of OCTA and DSA, of another
layout than the fundus and the same local shape, in a square from -1 to 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ldl.phantoms.fields import Array, Streams, paint, sample_lines, stacked


class Branches(NamedTuple):
    """n branches of T vertices.

    points: (n, T, 2). heading: (n, T), radians. radius: (n, T), 0 where a branch has ended.
    vein: (n,) bool, tells two interwoven trees apart.
    """

    points: Array
    heading: Array
    radius: Array
    vein: Array


class Manner(NamedTuple):
    """How branches grow; lengths are in the units of the anatomy, angles in radians.

    ``spacing`` of side branches; ``ratio`` of a daughter's calibre to its parent's; ``angle``
    of a side branch; ``reach``, length for each unit of calibre; ``wobble``, tortuosity;
    ``pull`` towards the target; ``smallest`` calibre that sprouts; ``least`` share that a
    vessel keeps.
    """

    spacing: float = 1.0
    ratio: tuple[float, float] = (1.0, 1.0)
    angle: tuple[float, float] = (0.0, 0.0)
    reach: float = 0.0
    wobble: float = 0.4
    pull: float = 0.8
    smallest: float = 0.0
    least: float = 0.45


class Buds(NamedTuple):
    """Where n daughters will start: start (n, 2), and heading, radius, vein, each (n,)."""

    start: Array
    heading: Array
    radius: Array
    vein: Array

    @property
    def way(self) -> Array:
        """Unit vectors (n, 2) of the headings."""
        return direction(self.heading)


def direction(heading: Array) -> Array:
    """Unit vectors (..., 2) of angles."""
    return np.stack([np.cos(heading), np.sin(heading)], -1)


def walk(
    rng: np.random.Generator, buds: Buds, length: Array, target: Array, manner: Manner,
    steps: int, rest: float = 0.75,
) -> Branches:  # fmt: skip
    """Branches of `length` (n,) from the buds, turning to target (n, 2), tapering to `rest`."""
    count = len(buds.start)
    points, headings = (np.empty((count, steps, *more), np.float32) for more in ((2,), ()))
    here, goal = (buds.start @ (1.0, 1.0j), target @ (1.0, 1.0j))
    heading, drift = buds.heading, np.zeros(count)
    stride = length / (steps - 1)
    shake = manner.wobble * np.sqrt(stride) * rng.standard_normal((steps, count))
    for k in range(steps):
        points[:, k, 0], points[:, k, 1], headings[:, k] = here.real, here.imag, heading
        drift = 0.75 * drift + shake[k]
        away = np.angle(goal - here) - heading
        heading = heading + drift + manner.pull * stride * np.sin(away)
        here = here + stride * np.exp(1j * heading)
    radius = buds.radius[:, None] * np.linspace(1.0, rest, steps)
    return Branches(points, headings, radius, buds.vein)


def grow(
    rng: np.random.Generator,
    trunk: Branches,
    manner: Manner,
    aim: Callable[[Buds], Array],
    *,
    generations: int = 3,
    steps: int = 14,
    prune: Callable[[Branches], Branches] = lambda branches: branches,
) -> list[Branches]:
    """The trunk and the generations that sprout from it, each pruned before it sprouts.

    A daughter heads for `aim` of its bud (n, 2) and is as long as its calibre allows.
    """
    tree, generation = [], prune(trunk)
    for _ in range(generations):
        grown, buds = sprout(rng, generation, manner)
        tree.append(grown)
        length = manner.reach * buds.radius * rng.uniform(0.5, 1.3, len(buds.radius))
        generation = prune(walk(rng, buds, length, aim(buds), manner, steps))
    return [*tree, generation]


def sprout(rng: np.random.Generator, parents: Branches, manner: Manner) -> tuple[Branches, Buds]:
    """Choose sites, take the daughters' share of calibre off; also fork every living tip."""
    count, steps = parents.radius.shape
    stride = np.linalg.norm(parents.points[:, 1] - parents.points[:, 0], axis=1)[:, None]
    # A vessel does not branch at once, but fully within one and a half spacings.
    unfolding = np.clip(stride * np.arange(steps) / (1.5 * manner.spacing), 0.0, 1.0) ** 2
    chance = stride / manner.spacing * unfolding
    chance[:, 0], chance[:, -1] = 0.0, 1.0
    site = (rng.random((count, steps)) < chance) & (parents.radius > 0)
    low, high = manner.ratio
    ratio = low + (high - low) * rng.random((count, steps)) ** 2
    ratio[:, -1] = rng.uniform(0.6, 0.85, count)
    # Daughters mostly alternate from side to side.
    side = np.where(rng.random((count, 1)) < 0.5, 1, -1) * (-1) ** np.cumsum(site, 1)
    side = np.where(rng.random((count, steps)) < 0.2, -side, side)
    angle = rng.uniform(*manner.angle, (count, steps))
    loss = np.cumprod(np.where(site[:, :-1], np.cbrt(1.0 - ratio[:, :-1] ** 3), 1.0), 1)
    radius = parents.radius.copy()
    radius[:, 1:] *= np.maximum(loss, manner.least)
    row, column = np.nonzero(site & (ratio * radius > manner.smallest))
    bend = angle[row, column] * np.where(column == steps - 1, 0.6, 1.0) * side[row, column]
    return parents._replace(radius=radius), Buds(
        parents.points[row, column].astype(float),
        parents.heading[row, column] + bend,
        (ratio * radius)[row, column],
        parents.vein[row],
    )


STEPS = 40
OCTA = Manner(0.12, (0.32, 0.6), (0.7, 1.4), 48.0, 0.42, 1.2, 0.0045, 0.75)
DSA = Manner(0.17, (0.35, 0.8), (0.4, 1.1), 55.0, 0.42, 1.2, 0.0045, 0.6)


def draw_octa(draw: Streams, size: int) -> Array:
    """Two arcades above and below the avascular zone in the middle: bool (size, size)."""
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
    """A coronary artery: a root, a few long winding branches, twigs: bool (size, size)."""
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
