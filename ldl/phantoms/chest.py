"""One frontal chest film with the masks of everything that is drawn in it.

The film is the exponential of the attenuations summed along each ray: organs are layers that add
up, they do not cover each other.
"""

from __future__ import annotations

import numpy as np

from .fields import Array, Streams, blur, bump, fractal, step, threshold
from .film import Film, develop
from .lungs import lung_marks, opacities
from .lungs import pneumothorax as collapse
from .thorax import HEART, LEFT_LUNG, MEDIAL, RIGHT_LUNG, TORSO, Pose, clavicles, closed, ribs


def draw_chest(
    draw: Streams, film: Film, size: int, *, pneumothorax: bool = False
) -> tuple[Array, dict[str, Array]]:
    """The film (size, size) uint8 and its masks (size, size) bool: heart, lung, clavicle,
    pneumothorax.
    """
    pose = _pose(draw("pose"), film, size)
    rng = draw("organs")
    x, y = pose.anatomy()
    heart_line, lung_lines = _outlines(rng)
    heart = pose.fill(heart_line)
    lungs = [pose.fill(line) * (1.0 - heart) for line in lung_lines]
    lung = np.maximum(*lungs)
    body = _soft_tissue(rng, pose, x, y)
    air = (
        rng.uniform(0.5, 0.6)
        * (0.6 * blur(lung, 0.006 * size) + 0.4 * blur(lung, 0.025 * size))
        * _lung_depth(rng, x, y)
    )
    dense = _mediastinum(rng, x, y, blur(heart, 0.012 * size), size)
    bones, clavicle = _bones(draw("bones"), pose, lung)
    marks = lung_marks(draw("vessels"), pose, lung)
    gap, edge = (
        collapse(draw("pneumothorax"), pose, lung_lines, lungs)
        if pneumothorax
        else (0 * lung, 0 * lung)
    )
    inside = lung * (1.0 - gap)
    attenuation = body * (1.0 - air) + dense * (1.0 - 0.6 * inside) + bones
    attenuation = attenuation + marks * inside + 0.07 * edge - 0.11 * gap * body
    if draw("opacity").random() < film.opacities:
        attenuation = attenuation + opacities(draw("opacities"), x, y) * inside
    image = develop(draw, film, pose, attenuation)
    masks = {"heart": heart, "lung": lung, "clavicle": clavicle, "pneumothorax": gap}
    return image, {name: threshold(soft, 0.5) for name, soft in masks.items()}


def _pose(rng: np.random.Generator, film: Film, size: int) -> Pose:
    zoom = rng.uniform(*film.zoom)
    scale = zoom * np.array([rng.uniform(0.95, 1.05), rng.uniform(0.92, 1.08)])
    # On a large film the patient hangs from its upper edge.
    shift = rng.normal(0.0, film.shift, 2) - np.array([0.0, 0.6 * max(1.0 - zoom, 0.0)])
    return Pose(scale, shift, float(rng.normal(0.0, film.roll)), size)


def _outlines(rng: np.random.Generator) -> tuple[Array, tuple[Array, Array]]:
    """Heart, right and left lung as closed curves."""
    wide, long = rng.uniform(0.9, 1.08), rng.uniform(0.82, 1.12)
    stretch = np.array([wide, long])
    size = np.array([rng.uniform(0.8, 1.3), rng.uniform(0.85, 1.12)])
    middle = np.array([0.05 + rng.normal(0, 0.03), 0.25 + rng.normal(0, 0.03)])
    heart = closed(rng, (middle + (HEART - middle) * size) * stretch, 0.020)
    return heart, (
        closed(rng, RIGHT_LUNG * stretch, 0.018),
        closed(rng, LEFT_LUNG * stretch, 0.018),
    )


def _soft_tissue(rng: np.random.Generator, pose: Pose, x: Array, y: Array) -> Array:
    """Thickness of the trunk, thicker below, with axillary folds and, in half of the patients,
    breasts.
    """
    torso = blur(pose.fill(closed(rng, TORSO, 0.02)), 0.02 * pose.size)
    body = torso * (0.95 + 0.22 * np.clip(y, -0.5, 1.2) - 0.18 * np.abs(x) ** 3)
    if rng.random() < 0.5:
        for side in (-1.0, 1.0):
            fold = np.hypot(
                (x - side * rng.uniform(0.42, 0.52)) / 0.38, (y - rng.uniform(0.25, 0.4)) / 0.36
            )
            body = body + rng.uniform(0.05, 0.14) * step(fold - 1.0, 0.12) * np.sqrt(
                np.clip(1.15 - fold, 0, 1)
            )
    return body * (1.0 + 0.02 * fractal(rng, pose.size, 4, 4))


def _lung_depth(rng: np.random.Generator, x: Array, y: Array) -> Array:
    """How much of a ray's way through the chest is air: most in the middle of each lung, less at
    apex and rim.
    """
    return (0.72 + 0.28 * np.sqrt(np.clip(1.0 - ((np.abs(x) - 0.42) / 0.42) ** 2, 0, 1))) * (
        0.86 + 0.12 * np.clip((y + 0.8) / 0.8, 0, 1) + rng.normal(0, 0.03)
    )


def _mediastinum(rng: np.random.Generator, x: Array, y: Array, heart: Array, size: int) -> Array:
    """Heart, great vessels, spine with its discs, trachea, hila."""
    out = heart * (rng.uniform(0.02, 0.16) + 0.10 * bump(x, y, (0.05, 0.3), (0.3, 0.3)))
    out = out + 0.28 * step(np.abs(x - 0.01) - rng.uniform(0.12, 0.17), 0.10) * step(-y - 0.95, 0.5)
    out = out + 0.14 * step(np.hypot((x - 0.13) / 0.10, (y + 0.36) / 0.12) - 1.0, 0.5)
    period = rng.uniform(0.125, 0.145)
    discs = 0.5 + 0.5 * np.cos(2 * np.pi * y / period)
    out = out + step(np.abs(x) - 0.075, 0.03) * (0.16 - 0.05 * discs**4)
    trachea = step(np.abs(x - 0.015 - 0.02 * y) - 0.04, 0.025) * step(y + 0.22, 0.06)
    for side in (-1.0, 1.0):
        out = out + rng.uniform(0.05, 0.14) * bump(
            x, y, (side * 0.2, -0.05 + 0.03 * side), (0.07, 0.11)
        )
    return out - 0.18 * trachea + 0.01 * fractal(rng, size, 8, 3)


def _bones(rng: np.random.Generator, pose: Pose, lung: Array) -> tuple[Array, Array]:
    """Attenuation of ribs, clavicles and scapulae, and the cover of the clavicles."""
    behind, front = ribs(rng, rng.uniform(0.92, 1.05))
    width = rng.uniform(0.026, 0.036)
    count, steps = behind.shape[:2]
    radius = width * rng.uniform(0.85, 1.15, (count, 1)) * np.ones((1, steps))
    strength = rng.uniform(0.07, 0.17)
    solid = rng.uniform(0.7, 1.0, (count, 1))
    # Ribs turn forward at the side of the chest: there both courses run along the ray and blur
    # into the wall.
    t = np.linspace(0.0, 1.0, steps)
    out = strength * pose.tubes(
        behind, radius, solid * np.interp(t, [0, 0.75, 1], [1, 1, 0.3]), 0.35
    )
    fade = np.interp(t, [0, 0.2, 1], [0.3, 0.9, 0.1])
    out = out + 0.75 * strength * pose.tubes(front, radius * 1.15, solid * fade, 0.35)
    lines, thick = clavicles(rng)
    cover = pose.tubes(lines[:, :MEDIAL], thick[:, :MEDIAL], np.ones_like(thick[:, :MEDIAL]))
    collar = pose.tubes(lines, thick, np.ones_like(thick), 0.4)
    out = out + rng.uniform(0.12, 0.2) * collar
    x, y = pose.anatomy()
    for side in (-1.0, 1.0):
        blade = np.hypot((side * x - 0.80 - 0.15 * y) / 0.13, (y + 0.28) / 0.36)
        out = out + rng.uniform(0.04, 0.12) * step(blade - 1.0, 0.12)
        out = out + _shoulder(rng, side, x, y)
    return blur(out, 0.003 * pose.size), cover


def _shoulder(rng: np.random.Generator, side: float, x: Array, y: Array) -> Array:
    """Head and shaft of the humerus, where the film shows them."""
    head = np.hypot(side * x - 1.0, y + 0.62) - 0.105
    axis = side * x - 1.03 - 0.22 * (y + 0.6)
    shaft = np.where(y > -0.62, np.abs(axis) - 0.06, 1.0)
    return rng.uniform(0.12, 0.22) * step(np.minimum(head, shaft), 0.02)
