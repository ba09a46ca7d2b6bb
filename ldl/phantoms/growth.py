"""Branching trees that grow generation by generation, all branches of a generation at once.

Calibres follow Murray's law: at every bifurcation the cubes of the daughters' radii add up to the
parent's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Array = np.ndarray


@dataclass(frozen=True)
class Branches:
    """n branches of T vertices.

    points: (n, T, 2). heading: (n, T), radians. radius: (n, T), 0 where a branch has ended.
    vein: (n,) bool, tells two interwoven trees apart. order: (n,), bifurcations behind it.
    """

    points: Array
    heading: Array
    radius: Array
    vein: Array
    order: Array

    def __len__(self) -> int:
        return len(self.points)


@dataclass(frozen=True)
class Manner:
    """How branches grow; lengths are in the units of the anatomy, angles in radians.

    spacing: mean distance of side branches. ratio: calibre of a daughter to its parent, lowest and
    highest. angle: of a side branch. reach: length of a branch for each unit of calibre. wobble:
    tortuosity. pull: how strongly a branch turns to its target. smallest: calibre below which
    nothing sprouts. least: share of its calibre that a vessel keeps however much it gives off.
    """

    spacing: float
    ratio: tuple[float, float]
    angle: tuple[float, float]
    reach: float
    wobble: float
    pull: float
    smallest: float
    least: float = 0.45


@dataclass(frozen=True)
class Buds:
    """Where n daughters will start: start (n, 2), and heading, radius, vein, order, each (n,)."""

    start: Array
    heading: Array
    radius: Array
    vein: Array
    order: Array


def walk(
    rng: np.random.Generator,
    start: Array,
    heading: Array,
    length: Array,
    target: Array,
    manner: Manner,
    steps: int,
) -> tuple[Array, Array]:
    """Let n branches run `length` (n,) from start (n, 2), turning to target (n, 2): points and
    headings.
    """
    points = np.empty((len(start), steps, 2), np.float32)
    headings = np.empty((len(start), steps), np.float32)
    here, heading, drift = start.copy(), heading.copy(), np.zeros(len(start))
    stride = length / (steps - 1)
    shake = manner.wobble * np.sqrt(stride)
    noise = rng.standard_normal((steps, len(start)))
    for k in range(steps):
        points[:, k], headings[:, k] = here, heading
        drift = 0.75 * drift + shake * noise[k]
        goal = np.arctan2(target[:, 1] - here[:, 1], target[:, 0] - here[:, 0])
        heading = heading + drift + manner.pull * stride * np.sin(goal - heading)
        here = here + stride[:, None] * np.stack([np.cos(heading), np.sin(heading)], 1)
    return points, headings


def taper(radius: Array, steps: int, rest: float = 0.75) -> Array:
    """Radii (n, steps) that fall from radius (n,) to `rest` times it."""
    return radius[:, None] * np.linspace(1.0, rest, steps)[None]


def sprout(rng: np.random.Generator, parents: Branches, manner: Manner) -> tuple[Branches, Buds]:
    """Choose sites on the parents, take the daughters' share of calibre off them; also fork every
    living tip.
    """
    count, steps = parents.radius.shape
    stride = np.linalg.norm(parents.points[:, 1] - parents.points[:, 0], axis=1)
    chance = (stride / manner.spacing)[:, None] * _unfolding(stride, steps, manner)
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
    buds = Buds(
        parents.points[row, column].astype(float),
        parents.heading[row, column] + bend,
        (ratio * radius)[row, column],
        parents.vein[row],
        parents.order[row] + 1,
    )
    return Branches(parents.points, parents.heading, radius, parents.vein, parents.order), buds


def _unfolding(stride: Array, steps: int, manner: Manner) -> Array:
    """A vessel does not branch at once: from 0 at its root to 1 within one and a half spacings,
    (n, steps).
    """
    return np.clip(stride[:, None] * np.arange(steps) / (1.5 * manner.spacing), 0.0, 1.0) ** 2


def extend(
    rng: np.random.Generator, buds: Buds, target: Array, manner: Manner, steps: int
) -> Branches:
    """Grow the buds into branches, each as long as its calibre allows."""
    length = manner.reach * buds.radius * rng.uniform(0.5, 1.3, len(buds.radius))
    points, heading = walk(rng, buds.start, buds.heading, length, target, manner, steps)
    return Branches(points, heading, taper(buds.radius, steps), buds.vein, buds.order)


def join(parts: list[Branches]) -> Branches:
    """All branches of several generations that have one number of vertices."""
    return Branches(
        *(np.concatenate([getattr(p, f) for p in parts]) for f in Branches.__dataclass_fields__)
    )
