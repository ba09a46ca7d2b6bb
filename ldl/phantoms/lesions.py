"""What disease adds to a fundus: hard exudates, haemorrhages, drusen, as soft maps in [0, 1]."""

from __future__ import annotations

import numpy as np

from .fields import blur
from .scene import Scene
from .strokes import Samples, paint
from .vessels import FOVEA

Array = np.ndarray


def exudates(rng: np.random.Generator, scene: Scene, amount: float) -> Array:
    """Waxy yellow spots in clusters and in rings (circinate) around the macula; `amount` is about
    0.2 to 2.
    """
    groups = []
    for _ in range(1 + rng.poisson(2.0 * amount)):
        centre = FOVEA + rng.normal(0.0, [0.45, 0.35])
        count = 4 + rng.poisson(60 * amount)
        if rng.random() < 0.35:
            angle = rng.uniform(0, 2 * np.pi) + rng.uniform(0, rng.uniform(2.5, 6.3), count)
            distance = rng.uniform(0.15, 0.4) * rng.normal(1.0, 0.12, count)
            spots = centre + distance[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
        else:
            spots = centre + rng.normal(0.0, 1.0, (count, 2)) * rng.uniform(0.05, 0.22, 2)
        groups.append(_lumpy(rng, spots, 0.0025 + rng.gamma(1.3, 0.0035, count)))
    # One plaque at least is large enough to survive a small rendering.
    groups.append(_lumpy(rng, FOVEA + rng.normal(0.0, 0.35, (1, 2)), np.array([0.024])))
    return _spots(scene, groups)


def _lumpy(rng: np.random.Generator, spots: Array, radius: Array) -> tuple[Array, Array]:
    """Every spot becomes three that overlap, so that none is a plain disc."""
    points = np.repeat(spots, 3, 0)
    size = np.repeat(radius, 3)
    return points + rng.normal(0.0, 0.8, points.shape) * size[:, None], size * rng.uniform(
        0.5, 0.9, len(size)
    )


def _spots(scene: Scene, groups: list[tuple[Array, Array]], strength: float = 1.0) -> Array:
    points = np.concatenate([g[0] for g in groups])
    radius = np.concatenate([g[1] for g in groups]) * scene.pixel
    weight = np.full(len(radius), strength, np.float32)
    return paint(
        Samples(scene.project(points), radius.astype(np.float32), weight), scene.size, dots=True
    )


def haemorrhages(rng: np.random.Generator, scene: Scene, amount: float) -> Array:
    """Dots, blots, and flames that lie along the nerve fibres; distractors for every task."""
    count = 2 + rng.poisson(14 * amount)
    spots = np.array([0.7, 0.0]) + rng.normal(0.0, [0.75, 0.65], (count, 2))
    groups = [_lumpy(rng, spots, 0.004 + rng.gamma(1.3, 0.007, count))]
    for _ in range(rng.poisson(3 * amount)):
        start = rng.normal(0.2, 0.6, 2)
        along = start / max(float(np.linalg.norm(start)), 0.1)
        flame = start + np.outer(np.linspace(0.0, rng.uniform(0.05, 0.16), 9), along)
        groups.append((flame + rng.normal(0, 0.006, flame.shape), rng.uniform(0.006, 0.016, 9)))
    return blur(_spots(scene, groups, 0.9), 0.004 * scene.size)


def reflexes(rng: np.random.Generator, scene: Scene) -> Array:
    """Glints of the inner surface and cotton-wool spots: pale, larger and softer than exudates."""
    count = 1 + rng.poisson(5)
    spots = np.array([0.6, 0.0]) + rng.normal(0.0, [0.6, 0.5], (count, 2))
    return blur(
        _spots(scene, [_lumpy(rng, spots, rng.uniform(0.015, 0.05, count))], 0.8),
        0.03 * scene.pixel,
    )


def drusen(rng: np.random.Generator, scene: Scene, amount: float) -> Array:
    """Soft pale spots spread over the posterior pole."""
    count = 8 + rng.poisson(90 * amount)
    spots = FOVEA + rng.normal(0.0, [0.6, 0.5], (count, 2))
    return _spots(scene, [(spots, 0.008 + rng.gamma(1.5, 0.007, count))], 0.5)
