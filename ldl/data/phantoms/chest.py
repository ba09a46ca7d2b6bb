"""One frontal chest film with the masks of everything that is drawn in it.

The film is the exponential of the attenuations summed along each ray: organs are layers that add up, they do not
cover each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .fields import Array, Streams, blur, bump, fractal, step
from .growth import Branches, Manner, extend, sprout, walk
from .thorax import HEART, LEFT_LUNG, MEDIAL, RIGHT_LUNG, TORSO, Pose, clavicles, closed, ribs


@dataclass(frozen=True)
class Film:
    """How a department develops its films; pairs are ranges to draw from uniformly.

    level, contrast: of the tone curve. washed: share of scattered light. labels, border, marker, opacities:
    chances of blacked-out names, a border, a side letter, infiltrates. density: brightest and darkest tone. zoom, shift: of the patient on the film.
    """

    level: tuple[float, float] = (-0.2, 0.45)
    contrast: tuple[float, float] = (0.9, 2.3)
    washed: tuple[float, float] = (0.0, 0.25)
    gamma: tuple[float, float] = (0.8, 1.3)
    zoom: tuple[float, float] = (0.72, 1.08)
    shift: float = 0.05
    roll: float = 0.03
    noise: tuple[float, float] = (0.008, 0.025)
    labels: float = 0.0
    border: float = 0.2
    marker: float = 0.5
    opacities: float = 0.4
    density: tuple[float, float] = (0.8, 1.0)


JSRT = Film(
    level=(0.36, 0.5), contrast=(1.3, 1.9), washed=(0.1, 0.3), zoom=(0.92, 1.1), shift=0.03, roll=0.015,
    noise=(0.006, 0.014), labels=0.8, border=0.5, marker=0.0, opacities=0.05, density=(0.97, 1.0),
)  # fmt: skip
NIH = Film()
SIIM = Film(level=(-0.1, 0.3), contrast=(1.3, 2.4))


def draw_chest(draw: Streams, film: Film, size: int, *, pneumothorax: bool = False) -> tuple[Array, dict[str, Array]]:
    """The film (size, size) uint8 and its masks (size, size) bool: heart, lung, clavicle, pneumothorax."""
    pose = _pose(draw("pose"), film, size)
    rng = draw("organs")
    x, y = pose.anatomy()
    heart_line, lung_lines = _outlines(rng)
    heart = pose.fill(heart_line)
    lungs = [pose.fill(line) * (1.0 - heart) for line in lung_lines]
    lung = np.maximum(*lungs)
    body = _soft_tissue(rng, pose, x, y)
    air = rng.uniform(0.5, 0.6) * blur(lung, 0.008 * size) * _lung_depth(rng, x, y)
    dense = _mediastinum(rng, x, y, blur(heart, 0.012 * size), size)
    bones, clavicle = _bones(draw("bones"), pose, lung)
    marks = _lung_marks(draw("vessels"), pose, lung)
    gap, edge = _pneumothorax(draw("pneumothorax"), pose, lung_lines, lungs) if pneumothorax else (0 * lung, 0 * lung)
    inside = lung * (1.0 - gap)
    attenuation = body * (1.0 - air) + dense * (1.0 - 0.6 * inside) + bones
    attenuation = attenuation + marks * inside + 0.05 * edge - 0.08 * gap * body
    if draw("opacity").random() < film.opacities:
        attenuation = attenuation + _opacities(draw("opacities"), x, y) * inside
    image = _develop(draw, film, pose, attenuation)
    masks = {"heart": heart, "lung": lung, "clavicle": clavicle, "pneumothorax": gap}
    return image, {name: soft > 0.4 for name, soft in masks.items()}


def _pose(rng: np.random.Generator, film: Film, size: int) -> Pose:
    zoom = rng.uniform(*film.zoom)
    scale = zoom * np.array([rng.uniform(0.95, 1.05), rng.uniform(0.92, 1.08)])
    return Pose(scale, rng.normal(0.0, film.shift, 2), float(rng.normal(0.0, film.roll)), size)


def _outlines(rng: np.random.Generator) -> tuple[Array, tuple[Array, Array]]:
    """Heart, right and left lung as closed curves."""
    wide, long = rng.uniform(0.92, 1.05), rng.uniform(0.85, 1.1)
    stretch = np.array([wide, long])
    size = np.array([rng.uniform(0.85, 1.25), rng.uniform(0.92, 1.08)])
    middle = np.array([0.05, 0.25])
    heart = closed(rng, (middle + (HEART - middle) * size) * stretch, 0.014)
    return heart, (closed(rng, RIGHT_LUNG * stretch, 0.014), closed(rng, LEFT_LUNG * stretch, 0.014))


def _soft_tissue(rng: np.random.Generator, pose: Pose, x: Array, y: Array) -> Array:
    """Thickness of the trunk, thicker below, with axillary folds and, in half of the patients, breasts."""
    torso = blur(pose.fill(closed(rng, TORSO, 0.02)), 0.02 * pose.size)
    body = torso * (0.95 + 0.22 * np.clip(y, -0.5, 1.2) - 0.18 * np.abs(x) ** 3)
    if rng.random() < 0.5:
        for side in (-1.0, 1.0):
            fold = np.hypot((x - side * rng.uniform(0.42, 0.52)) / 0.38, (y - rng.uniform(0.25, 0.4)) / 0.36)
            body = body + rng.uniform(0.05, 0.14) * step(fold - 1.0, 0.12) * np.sqrt(np.clip(1.15 - fold, 0, 1))
    return body * (1.0 + 0.02 * fractal(rng, pose.size, 4, 4))


def _lung_depth(rng: np.random.Generator, x: Array, y: Array) -> Array:
    """How much of a ray's way through the chest is air: most in the middle of each lung, less at apex and rim."""
    return (0.72 + 0.28 * np.sqrt(np.clip(1.0 - ((np.abs(x) - 0.42) / 0.42) ** 2, 0, 1))) * (
        0.86 + 0.12 * np.clip((y + 0.8) / 0.8, 0, 1) + rng.normal(0, 0.03)
    )


def _mediastinum(rng: np.random.Generator, x: Array, y: Array, heart: Array, size: int) -> Array:
    """Heart, great vessels, spine with its discs, trachea, hila."""
    out = heart * (rng.uniform(0.14, 0.26) + 0.14 * bump(x, y, 0.05, 0.3, 0.3, 0.3))
    out = out + 0.20 * step(np.abs(x - 0.01) - rng.uniform(0.11, 0.16), 0.10) * step(-y - 0.95, 0.5)
    out = out + 0.14 * step(np.hypot((x - 0.13) / 0.10, (y + 0.36) / 0.12) - 1.0, 0.5)
    period = rng.uniform(0.125, 0.145)
    discs = 0.5 + 0.5 * np.cos(2 * np.pi * y / period)
    out = out + step(np.abs(x) - 0.075, 0.03) * (0.16 - 0.05 * discs**4)
    trachea = step(np.abs(x - 0.015 - 0.02 * y) - 0.04, 0.025) * step(y + 0.22, 0.06)
    for side in (-1.0, 1.0):
        out = out + rng.uniform(0.05, 0.14) * bump(x, y, side * 0.2, -0.05 + 0.03 * side, 0.07, 0.11)
    return out - 0.18 * trachea + 0.01 * fractal(rng, size, 8, 3)


def _bones(rng: np.random.Generator, pose: Pose, lung: Array) -> tuple[Array, Array]:
    """Attenuation of ribs, clavicles and scapulae, and the cover of the clavicles."""
    behind, front = ribs(rng, rng.uniform(0.92, 1.05))
    width = rng.uniform(0.026, 0.036)
    count, steps = behind.shape[:2]
    radius = width * rng.uniform(0.85, 1.15, (count, 1)) * np.ones((1, steps))
    strength = rng.uniform(0.06, 0.14)
    solid = rng.uniform(0.7, 1.0, (count, 1))
    # Ribs turn forward at the side of the chest: there both courses run along the ray and blur into the wall.
    t = np.linspace(0.0, 1.0, steps)
    out = strength * pose.tubes(behind, radius, solid * np.interp(t, [0, 0.75, 1], [1, 1, 0.3]), 0.35)
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


def _opacities(rng: np.random.Generator, x: Array, y: Array) -> Array:
    """Cloudy infiltrates, one to three, somewhere in the lungs."""
    cloud = np.clip(0.6 + 0.5 * fractal(rng, len(x), 5, 4, 0.7), 0.0, 1.6)
    out = np.zeros_like(x)
    for _ in range(int(rng.integers(1, 4))):
        cx, cy = rng.choice([-1.0, 1.0]) * rng.uniform(0.2, 0.6), rng.uniform(-0.4, 0.5)
        out = out + rng.uniform(0.05, 0.3) * bump(x, y, cx, cy, *rng.uniform(0.08, 0.25, 2))
    return out * cloud


def _lung_marks(rng: np.random.Generator, pose: Pose, lung: Array) -> Array:
    """Pulmonary vessels from the hila outwards, and fine interstitial texture."""
    n = 40
    side = np.where(np.arange(n) % 2 == 0, -1.0, 1.0)
    fan = rng.uniform(-1.35, 1.35, n)
    heading = np.where(side > 0, fan, np.pi - fan)
    start = np.stack([side * rng.uniform(0.13, 0.2, n), rng.uniform(-0.16, 0.12, n)], 1)
    target = start + 2.0 * np.stack([np.cos(heading), np.sin(heading) + 0.25], 1)
    manner = Manner(0.09, (0.4, 0.8), (0.3, 0.9), 32.0, 0.6, 1.0, 0.0035)
    radius = rng.uniform(0.006, 0.017, n)
    points, headings = walk(rng, start, heading, manner.reach * radius, target, manner, 14)
    tree = Branches(points, headings, radius[:, None] * np.linspace(1, 0.5, 14)[None], side > 0, np.zeros(n, int))
    # Here `vein` tells the left lung from the right one.
    total = np.zeros_like(lung)
    for _ in range(3):
        tree, buds = sprout(rng, tree, manner)
        centre = np.array([0.17, 0.0]) * np.where(tree.vein, 1.0, -1.0)[:, None, None]
        weight = np.clip(tree.radius / 0.014, 0.2, 1.0) * np.exp(-np.linalg.norm(tree.points - centre, axis=2) / 0.4)
        total = total + pose.tubes(tree.points, tree.radius, weight)
        away = buds.start + 0.7 * np.stack([np.cos(buds.heading), np.sin(buds.heading)], 1)
        tree = extend(rng, buds, away, manner, 10)
    texture = fractal(rng, pose.size, 14, 4, 0.8)
    return rng.uniform(0.12, 0.26) * np.minimum(total, 1.3) + rng.uniform(0.008, 0.03) * texture


def _pneumothorax(
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
    wave = 0.03 * np.sin(np.linspace(0, 2 * np.pi, len(outline)) * rng.integers(2, 5) + rng.uniform(0, 6))
    shrink = amount * (rng.uniform(0.6, 1.0) * apical + base * 0.6 * lateral * np.clip((0.75 - away[:, 1]) / 0.3, 0, 1)) + wave * amount * lateral
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


def _develop(draw: Streams, film: Film, pose: Pose, attenuation: Array) -> Array:
    """Scatter, optics, tone curve, noise, labels and borders: uint8."""
    rng = draw("film")
    size = pose.size
    x, y = pose.anatomy()
    domes = attenuation + _abdomen(rng, x, y)
    scatter = blur(domes, 0.1 * size)
    share = rng.uniform(*film.washed)
    signal = (1 - share) * domes + share * scatter + rng.normal(0, 0.05) * x + rng.normal(0, 0.04) * y
    signal = blur(signal, rng.uniform(0.001, 0.004) * size)
    tone = 1.0 / (1.0 + np.exp(-2.0 * rng.uniform(*film.contrast) * (signal - 0.85 + rng.uniform(*film.level))))
    tone = np.clip(tone, 0.0, 1.0) ** rng.uniform(*film.gamma)
    high = rng.uniform(*film.density)
    tone = tone * high + (1.0 - tone) * 0.35 * (1.0 - high)
    grain = draw("noise").standard_normal((size, size)).astype(np.float32)
    tone = tone + rng.uniform(*film.noise) * grain
    return np.clip(np.rint(255.0 * _stickers(rng, film, tone)), 0, 255).astype(np.uint8)


def _abdomen(rng: np.random.Generator, x: Array, y: Array) -> Array:
    """Liver and stomach below the diaphragm, with a bubble of gas on the left."""
    below = step(0.62 - y, 0.25)
    bubble = step(np.hypot((x - 0.42) / rng.uniform(0.08, 0.2), (y - rng.uniform(0.76, 0.86)) / 0.08) - 1.0, 0.3)
    return 0.3 * below - rng.uniform(0.0, 0.35) * bubble


def _stickers(rng: np.random.Generator, film: Film, tone: Array) -> Array:
    """Blacked-out names, bright borders, a side letter, as films carry them."""
    size = len(tone)
    tone = tone.copy()
    spots = rng.random(8)
    if spots[0] < film.labels:
        high, left, right = int(0.06 * size), int((0.08 + 0.1 * spots[1]) * size), int(0.26 * size)
        tone[:high, left:right] = 0.02
        tone[:high, int((0.72 + 0.1 * spots[2]) * size) : int(0.9 * size)] = 0.02
    if spots[3] < film.border:
        edge = max(1, int(size * (0.008 + 0.02 * spots[4])))
        tone[:, -edge:] = tone[:edge] = 0.97 if spots[5] < 0.6 else 0.02
    if spots[6] < film.marker:
        row, column = int((0.08 + 0.1 * spots[7]) * size), int(0.9 * size)
        tone[row : row + max(2, size // 18), column : column + max(1, size // 40)] = 0.95
    return tone
