"""What is inside the lungs: vessels, texture, infiltrates, a pneumothorax."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .fields import Array, blur, bump, fractal
from .growth import Branches, Manner, extend, sprout, walk
from .thorax import Pose


def lung_marks(rng: np.random.Generator, pose: Pose, lung: Array) -> Array:
    """Pulmonary vessels from the hila outwards, and fine interstitial texture."""
    n = 40
    side = np.where(np.arange(n) % 2 == 0, -1.0, 1.0)
    fan = rng.uniform(-1.35, 1.35, n)
    heading = np.where(side > 0, fan, np.pi - fan)
    start = np.stack([side * rng.uniform(0.1, 0.24, n), rng.uniform(-0.25, 0.2, n)], 1)
    target = start + 2.0 * np.stack([np.cos(heading), np.sin(heading) + 0.25], 1)
    manner = Manner(0.09, (0.4, 0.8), (0.3, 0.9), 30.0, 0.8, 0.8, 0.0035)
    radius = rng.uniform(0.006, 0.017, n)
    points, headings = walk(rng, start, heading, manner.reach * radius, target, manner, 14)
    tree = Branches(
        points,
        headings,
        radius[:, None] * np.linspace(1, 0.5, 14)[None],
        side > 0,
        np.zeros(n, int),
    )
    # Here `vein` tells the left lung from the right one.
    total = np.zeros_like(lung)
    for _ in range(3):
        tree, buds = sprout(rng, tree, manner)
        centre = np.array([0.17, 0.0]) * np.where(tree.vein, 1.0, -1.0)[:, None, None]
        weight = np.clip(tree.radius / 0.014, 0.2, 1.0) * np.exp(
            -np.linalg.norm(tree.points - centre, axis=2) / 0.4
        )
        total = total + pose.tubes(tree.points, tree.radius, weight)
        away = buds.start + 0.7 * np.stack([np.cos(buds.heading), np.sin(buds.heading)], 1)
        tree = extend(rng, buds, away, manner, 10)
    texture = fractal(rng, pose.size, 14, 4, 0.8)
    return rng.uniform(0.08, 0.2) * np.minimum(total, 1.3) + rng.uniform(0.008, 0.03) * texture


def opacities(rng: np.random.Generator, x: Array, y: Array) -> Array:
    """Cloudy infiltrates, one to three, somewhere in the lungs."""
    cloud = np.clip(0.6 + 0.5 * fractal(rng, len(x), 5, 4, 0.7), 0.0, 1.6)
    out = np.zeros_like(x)
    for _ in range(int(rng.integers(1, 4))):
        cx, cy = rng.choice([-1.0, 1.0]) * rng.uniform(0.2, 0.6), rng.uniform(-0.4, 0.5)
        out = out + rng.uniform(0.05, 0.3) * bump(x, y, (cx, cy), rng.uniform(0.08, 0.25, 2))
    return out * cloud


def pneumothorax(
    rng: np.random.Generator, pose: Pose, outlines: tuple[Array, Array], lungs: list[Array]
) -> tuple[Array, Array]:
    """The gap between chest wall and collapsed lung, and the thin line of the visceral pleura."""
    side = int(rng.integers(2))
    outline = outlines[side]
    hilum = np.array([-0.18 if side == 0 else 0.2, 0.12])
    away = outline - hilum
    lateral = np.clip(away[:, 0] * (-1 if side == 0 else 1) / 0.6, 0, 1)
    apical = np.clip(-(away[:, 1] + 0.3) / 0.5, 0, 1)
    amount = rng.uniform(0.10, 0.5)
    base = rng.uniform(0.3, 1.0)
    wave = 0.03 * np.sin(
        np.linspace(0, 2 * np.pi, len(outline)) * rng.integers(2, 5) + rng.uniform(0, 6)
    )
    shrink = (
        amount
        * (
            rng.uniform(0.6, 1.0) * apical
            + base * 0.6 * lateral * np.clip((0.75 - away[:, 1]) / 0.3, 0, 1)
        )
        + wave * amount * lateral
    )
    collapsed = hilum + away * (1.0 - np.clip(shrink, 0.0, 0.75))[:, None]
    inner = pose.fill(collapsed)
    ring = np.concatenate([collapsed, collapsed[:1]])[None]
    line = pose.tubes(ring, np.full(ring.shape[:2], 0.006), np.ones(ring.shape[:2]))
    gap = _largest(lungs[side] * (1.0 - inner))
    return gap, line * np.clip(2.0 * blur(gap, 0.015 * pose.size), 0.0, 1.0)


def _largest(soft: Array) -> Array:
    """Only the largest connected part of a soft map, without the slivers beside it."""
    parts, count = ndimage.label(soft > 0.25)
    if count < 2:
        return soft
    return soft * (parts == 1 + np.argmax(np.bincount(parts.ravel())[1:]))
