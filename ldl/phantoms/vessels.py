"""The vessel tree of the retina, in units of the distance from disc to fovea.

The optic disc lies at (0, 0), the fovea at FOVEA, x runs temporally, y downwards. Arteries and
veins leave the disc in four arcades; the temporal ones arch around the macula and send thin
branches towards it, which stop short of the avascular zone; the rest runs radially to the
periphery.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .growth import Branches, Buds, Manner, extend, join, sprout, walk

Array = np.ndarray
FOVEA = np.array([1.0, 0.1])
AVASCULAR = 0.13
VEIN, ARTERY = 0.0185, 0.0142
STEPS = 14


@dataclass(frozen=True)
class Habit:
    """What differs between the trees of two people: all are factors around 1."""

    calibre: float = 1.0
    tortuosity: float = 1.0
    density: float = 1.0


def retinal_tree(rng: np.random.Generator, habit: Habit) -> list[Branches]:
    """Trunks first, then three generations of branches."""
    generation = _trunks(rng, habit)
    manner = Manner(
        0.22 / habit.density, (0.32, 0.78), (0.5, 1.1), 70.0, 0.36 * habit.tortuosity, 1.0, 0.0023
    )
    tree: list[Branches] = []
    for order in range(3):
        grown, buds = sprout(rng, generation, manner)
        tree.append(grown)
        generation = extend(rng, buds, _targets(buds), manner, STEPS)
        if order == 0:
            generation = join([generation, _disc_twigs(rng, habit)])
        generation = _spare_fovea(generation)
    return [*tree, generation]


def _trunks(rng: np.random.Generator, habit: Habit) -> Branches:
    """Artery and vein of the four arcades, sometimes a second nasal pair."""
    steps = 36
    plan = [(q, v) for q in range(4) for v in (False, True)] + [
        (4 + int(rng.integers(2)), bool(rng.integers(2)))
    ]
    arcade = np.array([q for q, _ in plan])
    vein = np.array([v for _, v in plan])
    n = len(plan)
    up = np.where(arcade % 2 == 0, -1.0, 1.0)
    temporal = arcade < 2
    s = np.linspace(0.0, 1.0, steps)[None] * np.where(temporal, 3.1, 1.9)[:, None]
    turn = rng.uniform(0.45, 0.8, (n, 1))
    steep = rng.uniform(1.25, 1.75, (n, 1))
    arch = steep * np.exp(-s / turn) - rng.uniform(0.0, 0.3, (n, 1)) * (1 - np.exp(-s / 1.2))
    spread = rng.uniform(0.5, 1.2, (n, 1)) * np.where(arcade > 3, 0.3, 1.0)[:, None]
    nasal = np.pi - spread - (1.45 - spread) * np.exp(-s / 0.25)
    heading = np.where(temporal[:, None], arch, nasal) + _meander(
        rng, n, steps, 0.16 * habit.tortuosity
    )
    heading = heading * up[:, None]
    stride = (s[:, 1] - s[:, 0])[:, None, None]
    move = np.stack([np.cos(heading), np.sin(heading)], 2)[:, :-1] * stride
    root = np.stack([rng.uniform(-0.07, -0.01, n), up * rng.uniform(0.0, 0.04, n)], 1)
    points = np.concatenate([root[:, None], root[:, None] + np.cumsum(move, 1)], 1)
    width = (
        np.where(vein, VEIN, ARTERY)
        * np.where(temporal, 1.0, 0.78)
        * np.where(arcade > 3, 0.6, 1.0)
    )
    width = width * habit.calibre * rng.uniform(0.85, 1.15, n)
    radius = width[:, None] * np.linspace(1.0, 0.8, steps)[None]
    return Branches(points.astype(np.float32), heading, radius, vein, np.zeros(n, int))


def _meander(rng: np.random.Generator, count: int, steps: int, strength: float) -> Array:
    """Smooth wandering of a heading: a few sines of random phase, per branch."""
    s = np.linspace(0.0, 1.0, steps)
    waves = np.arange(2, 9)
    phase = rng.uniform(0, 2 * np.pi, (count, len(waves)))
    size = rng.standard_normal((count, len(waves))) / np.sqrt(waves / 2.0)
    curve = np.sin(2 * np.pi * waves[None, :, None] * s + phase[..., None])
    return strength * (size[..., None] * curve).sum(1) * np.minimum(1.0, 4 * s)


def _disc_twigs(rng: np.random.Generator, habit: Habit) -> Branches:
    """Thin vessels straight from the disc: to the macula and nasally."""
    n = int(rng.integers(5, 10))
    heading = np.where(rng.random(n) < 0.45, rng.normal(0.05, 0.45, n), rng.normal(np.pi, 0.7, n))
    root = 0.06 * np.stack([np.cos(heading), np.sin(heading)], 1)
    calibre = rng.uniform(0.0045, 0.0085, n) * habit.calibre
    towards = np.cos(heading) > 0
    target = np.where(towards[:, None], FOVEA, 4.0 * root / 0.06)
    manner = Manner(1.0, (1, 1), (0, 0), 90.0, 0.35 * habit.tortuosity, 0.8, 0.0)
    points, headings = walk(rng, root, heading, manner.reach * calibre, target, manner, STEPS)
    radius = calibre[:, None] * np.linspace(1.0, 0.6, STEPS)[None]
    return Branches(points, headings, radius, rng.random(n) < 0.5, np.ones(n, int))


def _targets(buds: Buds) -> Array:
    """Inside the temporal arcades branches seek the fovea, everywhere else they run away from the
    disc.
    """
    way = np.stack([np.cos(buds.heading), np.sin(buds.heading)], 1)
    inwards = ((FOVEA - buds.start) * way).sum(1) > 0.1
    inside = (buds.start[:, 0] > 0.15) & (np.abs(buds.start[:, 1]) < 1.1) & (buds.start[:, 0] < 1.9)
    radial = buds.start / np.maximum(np.linalg.norm(buds.start, axis=1, keepdims=True), 1e-3)
    return np.where((inwards & inside)[:, None], FOVEA, buds.start + 2.0 * radial + 1.5 * way)


def _spare_fovea(branches: Branches) -> Branches:
    """End every branch at the avascular zone and let it thin out before."""
    away = np.linalg.norm(branches.points - FOVEA, axis=2)
    open_so_far = np.logical_and.accumulate(away > AVASCULAR, axis=1)
    thin = np.clip(0.35 + (away - AVASCULAR) / 0.35, 0.0, 1.0)
    return Branches(
        branches.points,
        branches.heading,
        branches.radius * thin * open_so_far,
        branches.vein,
        branches.order,
    )
