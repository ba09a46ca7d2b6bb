"""One frontal chest film with the masks of everything that is drawn in it.

The film is the exponential of the attenuations summed along each ray: organs are layers that add
up, they do not cover each other. Anatomy lies in a square from -1 to 1, x to the right of the film,
y downwards. The patient faces us: the heart's apex is on the right of the film, "right" in a name
is the patient's right.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from ldl.phantoms.fields import (
    Array,
    Streams,
    anatomy,
    blur,
    bump,
    curve,
    fractal,
    paint,
    sample_lines,
    step,
    threshold,
)
from ldl.phantoms.growth import Buds, Manner, grow, walk


@dataclass(frozen=True)
class Film:
    """How a department develops its films; pairs are ranges to draw from uniformly.

    ``level`` and ``contrast`` of the tone curve, share of scattered light (``washed``), darkest and
    brightest ``density``; ``zoom``, ``shift`` and ``roll`` of the patient; chances of blacked-out
    ``labels``, a ``border``, a side letter (``marker``) and infiltrates (``opacities``).
    """

    level: tuple[float, float] = (-0.3, 0.35)
    contrast: tuple[float, float] = (0.8, 1.8)
    washed: tuple[float, float] = (0.0, 0.25)
    gamma: tuple[float, float] = (0.8, 1.3)
    zoom: tuple[float, float] = (0.72, 1.08)
    shift: float = 0.05
    roll: float = 0.03
    noise: tuple[float, float] = (0.002, 0.012)
    labels: float = 0.0
    border: float = 0.2
    marker: float = 0.5
    opacities: float = 0.4
    density: tuple[float, float] = (0.85, 1.0)


FILMS = {name: Film(**row) for name, row in anatomy("pictures")["films"].items()}
OUTLINES = {name: np.array(points) for name, points in anatomy("chest").items()}
# Annotators follow a clavicle as far as the lung's border: the first so many of its vertices.
COLLAR, MEDIAL = 26, 19
PAIRS, RIB = 10, 26


def develop(draw: Streams, film: Film, attenuation: Array, x: Array, y: Array) -> Array:
    """Scatter, optics, tone curve, noise, labels and borders: (size, size) uint8.

    `x` and `y` (size, size) are the anatomical coordinates of the pixels.
    """
    rng, size = draw("film"), len(x)
    # Liver and stomach below the diaphragm, with a bubble of gas on the left.
    wide, low = rng.uniform(0.08, 0.2), rng.uniform(0.76, 0.86)
    bubble = step(np.hypot((x - 0.42) / wide, (y - low) / 0.08) - 1.0, 0.3)
    belly = rng.uniform(0.1, 0.35) * step(0.62 - y, 0.25)
    signal = attenuation + (belly - rng.uniform(0.0, 0.35) * bubble)
    signal += rng.uniform(*film.washed) * (blur(signal, 0.1 * size) - signal)
    signal += float(rng.normal(0, 0.05)) * x + float(rng.normal(0, 0.04)) * y
    signal = blur(signal, rng.uniform(0.001, 0.004) * size)
    slope, level = 2.0 * rng.uniform(*film.contrast), 0.85 - rng.uniform(*film.level)
    tone = (1.0 / (1.0 + np.exp(slope * (level - signal)))) ** rng.uniform(*film.gamma)
    high = rng.uniform(*film.density)
    tone = tone * high + (1.0 - tone) * 0.35 * (1.0 - high)
    grain = draw("noise").standard_normal((size, size), dtype=np.float32)
    tone += rng.uniform(*film.noise) * grain
    return np.clip(np.rint(255.0 * _stickers(rng, film, tone)), 0, 255).astype(np.uint8)


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


@dataclass(frozen=True)
class Pose:
    """Maps anatomy to film: scale (2,), shift (2,), roll in radians; `size` in pixels."""

    scale: Array
    shift: Array
    roll: float
    size: int

    def place(self, points: Array) -> Array:
        """Points (..., 2) of the anatomy to pixels."""
        cos, sin = np.cos(self.roll), np.sin(self.roll)
        turned = points @ np.array([[cos, sin], [-sin, cos]])
        return ((turned * self.scale + self.shift + 1.0) * 0.5 * self.size).astype(np.float32)

    def anatomy(self) -> tuple[Array, Array]:
        """The anatomical x and y (size, size) of every pixel centre."""
        axis = (np.arange(self.size) + 0.5) / self.size * 2.0 - 1.0
        u, v = np.meshgrid(*((axis - s) / f for s, f in zip(self.shift, self.scale, strict=True)))
        cos, sin = np.cos(self.roll), np.sin(self.roll)
        return (u * cos + v * sin).astype(np.float32), (v * cos - u * sin).astype(np.float32)

    def fill(self, outline: Array) -> Array:
        """The inside of a closed outline (n, 2): soft map (size, size) in [0, 1], supersampled."""
        canvas = Image.new("L", (2 * self.size, 2 * self.size))
        corners = [tuple(p) for p in (2.0 * self.place(outline)).tolist()]
        ImageDraw.Draw(canvas).polygon(corners, fill=255)
        return np.asarray(canvas.reduce(2), np.float32) / 255.0

    def tubes(self, lines: Array, radius: Array, weight: Array, hollow: float = 0.0) -> Array:
        """Lines (n, T, 2) of radius and weight (n, T), in the anatomy, as a map (size, size)."""
        pixel = 0.5 * self.size * float(np.sqrt(self.scale.prod()))
        radius, weight = (np.broadcast_to(a, lines.shape[:2]) for a in (radius * pixel, weight))
        return paint(sample_lines(self.place(lines), radius, weight), self.size, hollow=hollow)


def draw_chest(
    draw: Streams, film: Film, size: int, *, pneumothorax: bool = False
) -> tuple[Array, dict[str, Array]]:
    """The film (1, size, size) uint8; bool masks of heart, lung, clavicle and pneumothorax."""
    rng = draw("pose")
    zoom = rng.uniform(*film.zoom)
    scale = zoom * rng.uniform((0.95, 0.92), (1.05, 1.08))
    # On a large film the patient hangs from its upper edge.
    shift = rng.normal((0.0, -0.6 * max(1.0 - zoom, 0.0)), film.shift)
    pose, rng = Pose(scale, shift, float(rng.normal(0.0, film.roll)), size), draw("organs")
    x, y = pose.anatomy()
    stretch = rng.uniform((0.9, 0.82), (1.08, 1.12))
    larger, middle = rng.uniform((0.8, 0.85), (1.3, 1.12)), rng.normal((0.05, 0.25), 0.03)
    heart_line = (middle + (OUTLINES["heart"] - middle) * larger) * stretch
    heart_line = _closed(rng, heart_line, 0.020)
    lung_lines = [_closed(rng, OUTLINES[f"{s}_lung"] * stretch, 0.018) for s in ("right", "left")]
    heart = pose.fill(heart_line)
    lungs = [pose.fill(line) * (1.0 - heart) for line in lung_lines]
    lung = np.maximum(*lungs)
    body = _soft_tissue(rng, pose, x, y)
    air = 0.6 * blur(lung, 0.006 * size) + 0.4 * blur(lung, 0.025 * size)
    # Most of a ray's way is air in the middle of each lung, less at apex and rim.
    across = 0.72 + 0.28 * np.sqrt(np.clip(1.0 - ((np.abs(x) - 0.42) / 0.42) ** 2, 0, 1))
    air = rng.uniform(0.5, 0.6) * air
    along = 0.86 + 0.12 * np.clip((y + 0.8) / 0.8, 0, 1) + rng.normal(0, 0.03)
    air = air * (across * along)
    dense = _mediastinum(rng, x, y, blur(heart, 0.012 * size))
    bones, clavicle = _bones(draw("bones"), pose, x, y)
    marks = _lung_marks(draw("vessels"), pose)
    gap, edge = 0 * lung, 0 * lung
    if pneumothorax:
        gap, edge = _collapse(draw("pneumothorax"), pose, lung_lines, lungs)
    inside = lung * (1.0 - gap)
    attenuation = body * (1.0 - air - 0.11 * gap) + dense * (1.0 - 0.6 * inside) + bones
    attenuation += marks * inside + 0.07 * edge
    if draw("opacity").random() < film.opacities:
        # Cloudy infiltrates, one to three, somewhere in the lungs.
        rng, cover = draw("opacities"), np.zeros_like(x)
        cloud = np.clip(0.6 + 0.5 * fractal(rng, size, 6, 4, 0.7), 0.0, 1.6)
        for _ in range(int(rng.integers(1, 4))):
            at = rng.choice([-1.0, 1.0]) * rng.uniform(0.2, 0.6), rng.uniform(-0.4, 0.5)
            cover += rng.uniform(0.05, 0.3) * bump(x, y, at, rng.uniform(0.08, 0.25, 2))
        attenuation += cover * cloud * inside
    masks = {"heart": heart, "lung": lung, "clavicle": clavicle, "pneumothorax": gap}
    image = develop(draw, film, attenuation, x, y)[None]
    return image, {name: threshold(soft, 0.5) for name, soft in masks.items()}


def _closed(rng: np.random.Generator, points: Array, jitter: float) -> Array:
    """A smooth closed curve through control points that were moved a little."""
    return curve(rng.normal(points, jitter), 8, closed=True)


def _soft_tissue(rng: np.random.Generator, pose: Pose, x: Array, y: Array) -> Array:
    """Thickness of the trunk, thicker below, with axillary folds and, in half of them, breasts."""
    torso = blur(pose.fill(_closed(rng, OUTLINES["torso"], 0.02)), 0.02 * pose.size)
    body = torso * (0.95 + 0.22 * np.clip(y, -0.5, 1.2) - 0.18 * np.abs(x) ** 3)
    for side in (-1.0, 1.0) if rng.random() < 0.5 else ():
        low = rng.uniform(0.25, 0.4)
        fold = np.hypot((x - side * rng.uniform(0.42, 0.52)) / 0.38, (y - low) / 0.36)
        thick = step(fold - 1.0, 0.12) * np.sqrt(np.clip(1.15 - fold, 0, 1))
        body = body + rng.uniform(0.05, 0.14) * thick
    return body * (1.0 + 0.02 * fractal(rng, pose.size, 5, 4))


def _mediastinum(rng: np.random.Generator, x: Array, y: Array, heart: Array) -> Array:
    """Heart, great vessels, spine with its discs, trachea, hila."""
    out = heart * (rng.uniform(0.02, 0.16) + 0.10 * bump(x, y, (0.05, 0.3), (0.3, 0.3)))
    out += 0.28 * step(np.abs(x - 0.01) - rng.uniform(0.12, 0.17), 0.10) * step(-y - 0.95, 0.5)
    out += 0.14 * step(np.hypot((x - 0.13) / 0.10, (y + 0.36) / 0.12) - 1.0, 0.5)
    discs = 0.5 + 0.5 * np.cos(2 * np.pi * y / rng.uniform(0.125, 0.145))
    out += step(np.abs(x) - 0.075, 0.03) * (0.16 - 0.05 * discs**4)
    for side in (-1.0, 1.0):
        hilum = bump(x, y, (side * 0.2, -0.05 + 0.03 * side), (0.07, 0.11))
        out += rng.uniform(0.05, 0.14) * hilum
    out -= 0.18 * step(np.abs(x - 0.015 - 0.02 * y) - 0.04, 0.025) * step(y + 0.22, 0.06)
    return out + 0.01 * fractal(rng, len(x), 10, 3)


def _bones(rng: np.random.Generator, pose: Pose, x: Array, y: Array) -> tuple[Array, Array]:
    """Attenuation of ribs, clavicles, scapulae and humeri, and the cover of the clavicles."""
    t = np.linspace(0.0, 1.0, RIB)
    behind, front = _ribs(rng, t)
    radius = rng.uniform(0.026, 0.036) * rng.uniform(0.85, 1.15, (2 * PAIRS, 1))
    strength, solid = rng.uniform(0.07, 0.17), rng.uniform(0.7, 1.0, (2 * PAIRS, 1))
    # Ribs turn forward at the side of the chest: there both courses run along the ray and blur
    # into the wall.
    fade = solid * np.interp(t, [0, 0.75, 1], [1, 1, 0.3])
    out = strength * pose.tubes(behind, radius, fade, 0.35)
    fade = solid * np.interp(t, [0, 0.2, 1], [0.3, 0.9, 0.1])
    out += 0.75 * strength * pose.tubes(front, 1.15 * radius, fade, 0.35)
    lift, tilt, lines = rng.normal(0.0, 0.05), rng.normal(0.0, 0.08), np.empty((2, COLLAR, 2))
    for k, side in enumerate((-1.0, 1.0)):
        points = rng.normal(OUTLINES["clavicle"], 0.012)
        points[:, 1] += lift + tilt * (points[:, 0] - 0.3) + rng.normal(0, 0.015)
        lines[k] = curve(points, 5) * (side, 1.0)
    # Thick at the sternum.
    thick = np.interp(
        np.linspace(0.0, 1.0, COLLAR), [0, 0.08, 0.4, 0.8, 1.0], [1.1, 1.35, 0.9, 0.9, 0.8]
    )
    thick = rng.uniform(0.030, 0.042) * thick
    cover = pose.tubes(lines[:, :MEDIAL], thick[:MEDIAL], np.ones(MEDIAL))
    out += rng.uniform(0.12, 0.2) * pose.tubes(lines, thick, np.ones(COLLAR), 0.4)
    for side in (-1.0, 1.0):
        blade = np.hypot((side * x - 0.80 - 0.15 * y) / 0.13, (y + 0.28) / 0.36)
        out += rng.uniform(0.04, 0.12) * step(blade - 1.0, 0.12)
        head = np.hypot(side * x - 1.0, y + 0.62) - 0.105
        shaft = np.where(y > -0.62, np.abs(side * x - 1.03 - 0.22 * (y + 0.6)) - 0.06, 1.0)
        out += rng.uniform(0.12, 0.22) * step(np.minimum(head, shaft), 0.02)
    return blur(out, 0.003 * pose.size), cover


def _ribs(rng: np.random.Generator, t: Array) -> tuple[Array, Array]:
    """Centre lines of the posterior and the anterior ribs, each (2 PAIRS, RIB, 2)."""
    top = np.linspace(-0.86, 0.66, PAIRS) * rng.uniform(0.92, 1.05)
    top = (top + np.cumsum(rng.normal(0, 0.007, PAIRS)))[:, None]
    slope = (rng.uniform(0.10, 0.2) + np.linspace(0.0, 0.16, PAIRS))[:, None]
    half = np.interp(np.arange(PAIRS), [0, 1, 3, 6, 9], [0.42, 0.56, 0.70, 0.80, 0.84])[:, None]
    drop = rng.uniform(0.42, 0.55) * (0.25 + 0.75 * np.linspace(0.5, 1.0, PAIRS)[:, None])
    x = 0.06 + (half - 0.06) * np.sin(0.5 * np.pi * t) ** 0.9
    y = top - 0.05 * np.sin(np.pi * np.minimum(t / 0.7, 1.0)) + slope * t**2.2
    behind = np.stack([x, y], 2)
    front = np.stack([half - (half - 0.26) * t**1.1, top + slope + drop * t**0.9], 2)
    mirror = np.array([-1.0, 1.0])
    return np.concatenate([behind * mirror, behind]), np.concatenate([front * mirror, front])


def _lung_marks(rng: np.random.Generator, pose: Pose) -> Array:
    """Pulmonary vessels from the hila outwards, and fine interstitial texture."""
    n = 40
    left = np.arange(n) % 2 == 1
    fan, side = rng.uniform(-1.35, 1.35, n), np.where(left, 1.0, -1.0)
    start = np.stack([side * rng.uniform(0.1, 0.24, n), rng.uniform(-0.25, 0.2, n)], 1)
    buds = Buds(start, np.where(left, fan, np.pi - fan), rng.uniform(0.006, 0.017, n), left)
    manner = Manner(0.09, (0.4, 0.8), (0.3, 0.9), 30.0, 0.8, 0.8, 0.0035)
    target = start + 2.0 * buds.way + np.array([0.0, 0.5])
    trunk = walk(rng, buds, manner.reach * buds.radius, target, manner, 14, 0.5)
    tree = grow(rng, trunk, manner, lambda b: b.start + 0.7 * b.way, generations=2, steps=10)
    total = np.zeros((pose.size, pose.size), np.float32)
    for branches in tree:
        # Here `vein` tells the left lung from the right one.
        hilum = np.where(branches.vein, 0.17, -0.17)[:, None, None] * np.array([1.0, 0.0])
        far = np.linalg.norm(branches.points - hilum, axis=2)
        weight = np.clip(branches.radius / 0.014, 0.2, 1.0) * np.exp(-far / 0.4)
        total += pose.tubes(branches.points, branches.radius, weight)
    texture = fractal(rng, pose.size, 18, 3, 0.8)
    return rng.uniform(0.08, 0.2) * np.minimum(total, 1.3) + rng.uniform(0.008, 0.03) * texture


def _collapse(
    rng: np.random.Generator, pose: Pose, outlines: list[Array], lungs: list[Array]
) -> tuple[Array, Array]:
    """A pneumothorax: the gap between chest wall and lung, and the thin line of the pleura."""
    side = int(rng.integers(2))
    hilum, out = ((-0.18, 0.12), -1) if side == 0 else ((0.2, 0.12), 1)
    away = outlines[side] - hilum
    lateral = np.clip(out * away[:, 0] / 0.6, 0, 1)
    apical = np.clip(-(away[:, 1] + 0.3) / 0.5, 0, 1)
    basal = np.clip((0.75 - away[:, 1]) / 0.3, 0, 1)
    turns = np.linspace(0, 2 * np.pi, len(away)) * rng.integers(2, 5) + rng.uniform(0, 6)
    shrink = rng.uniform(0.6, 1.0) * apical + 0.6 * rng.uniform(0.3, 1.0) * lateral * basal
    shrink = rng.uniform(0.10, 0.5) * (shrink + 0.03 * np.sin(turns) * lateral)
    collapsed = hilum + away * (1.0 - np.clip(shrink, 0.0, 0.75))[:, None]
    ring = np.concatenate([collapsed, collapsed[:1]])[None]
    line = pose.tubes(ring, np.array(0.006), np.array(1.0))
    gap = lungs[side] * (1.0 - pose.fill(collapsed))
    # Only its largest connected part, without the slivers beside it.
    parts, count = ndimage.label(gap > 0.25)
    if count > 1:
        gap = gap * (parts == 1 + np.argmax(np.bincount(parts.ravel())[1:]))
    return gap, line * np.clip(2.0 * blur(gap, 0.015 * pose.size), 0.0, 1.0)
