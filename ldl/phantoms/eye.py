"""The geometry of one fundus photograph, its camera, and the vessel tree of the retina.

Anatomy is in units of the distance from disc to fovea: the optic disc lies at (0, 0), the fovea at
FOVEA, x runs temporally, y downwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ldl.phantoms.fields import (
    Array,
    Samples,
    Streams,
    anatomy,
    blur,
    bump,
    fractal,
    rgb,
    sample_lines,
    step,
)
from ldl.phantoms.growth import Branches, Buds, Manner, direction, grow, walk

Colour = tuple[float, float, float]
Span = tuple[float, float]


@dataclass(frozen=True)
class Style:
    """One camera and its patients; pairs are ranges to draw from uniformly."""

    radius: Span
    centre: str
    crop: tuple[float, float]
    base: Colour
    disc: Colour
    ground: Colour = (0.0, 0.0, 0.0)
    shift: Span = (0.0, 0.0)
    colour_spread: float = 0.10
    contrast: Span = (0.8, 1.1)
    calibre: Span = (0.85, 1.15)
    tortuosity: Span = (0.6, 1.5)
    vignette: Span = (0.1, 0.5)
    tilt: Span = (0.0, 0.3)
    rim: Span = (0.0, 0.15)
    flare: float = 0.0
    choroid: Span = (0.0, 0.7)
    macula: Span = (0.15, 0.45)
    sheen: Span = (0.0, 0.25)
    cup: Span = (0.3, 0.65)
    atrophy: float = 0.2
    haemorrhages: float = 0.1
    exudates: float = 0.1
    drusen: float = 0.05
    reflexes: float = 0.1
    haze: Span = (0.0, 0.2)
    softness: Span = (0.001, 0.005)
    noise: Span = (0.003, 0.010)
    notch: float = 0.0
    stretch: float = 0.0


CAMERAS = {name: Style(**row) for name, row in anatomy("pictures")["cameras"].items()}
FOVEA = np.array([1.0, 0.1])
AVASCULAR = 0.13
VEIN, ARTERY = 0.0185, 0.0142
AIMS = {"macula": (0.78,), "disc": (0.0,), "between": (0.1, 0.75, 0.95)}


@dataclass(frozen=True)
class Eye:
    """Where the camera looks: anatomical x, y (size, size) of every pixel centre, and u, v in radii
    of the round field of view.

    ``pixel`` pixels are a disc-fovea distance; ``whole`` is the side of the whole picture in
    pixels, also where the square shows a part of it; ``centre`` and ``stretch`` (2,) are the
    anatomy of the square's middle and half side.
    """

    size: int
    whole: float
    centre: Array
    stretch: Array
    x: Array
    y: Array
    u: Array
    v: Array
    pixel: float

    def project(self, points: Array) -> Array:
        """Anatomical points (..., 2) to pixel coordinates (column, row), float32."""
        square = (points - self.centre) / self.stretch
        return ((square + 1.0) * (0.5 * self.size)).astype(np.float32)

    def lines(self, branches: Branches, weight: Array) -> Samples:
        """The samples of those branches that touch the square; weight is (n, T) or (n, 1)."""
        points = self.project(branches.points)
        seen = np.any(((points > -8) & (points < self.size + 8)).all(2), axis=1)
        weight = np.broadcast_to(weight, branches.radius.shape)
        return sample_lines(points[seen], (branches.radius * self.pixel)[seen], weight[seen])


def look(rng: np.random.Generator, style: Style, size: int, closer: float = 1.0) -> Eye:
    """Choose eye (left or right), field and fixation; taken `closer`, the part that is shown."""
    radius, mirror = rng.uniform(*style.radius), rng.choice([-1.0, 1.0])
    aim, shift = rng.choice(AIMS[style.centre]), rng.uniform(*style.shift)
    centre = rng.normal((aim + shift, 0.03 + 0.5 * shift), 0.06)
    middle, crop = np.zeros(2), np.array(style.crop) / closer
    if closer > 1.0:
        away = 0.9 * (1.0 - 1.0 / closer) * np.sqrt(rng.uniform())
        middle = away * direction(np.array(rng.uniform(0, 2 * np.pi)))
    turn = radius * np.array([mirror, 1.0])
    axis = ((np.arange(size) + 0.5) / size * 2.0 - 1.0).astype(np.float32)
    u, v = (
        np.float32(c) * a + np.float32(m)
        for c, a, m in zip(crop, np.meshgrid(axis, axis), middle, strict=True)
    )
    x, y = (np.float32(t) * a + np.float32(c) for t, a, c in zip(turn, (u, v), centre, strict=True))
    pixel = size / (2.0 * radius * float(np.sqrt(crop.prod())))
    return Eye(size, size * closer, centre + turn * middle, turn * crop, x, y, u, v, pixel)


class Habit(NamedTuple):
    """What differs between the vessels of two people: all are factors around 1."""

    calibre: float = 1.0
    tortuosity: float = 1.0
    density: float = 1.0


def retinal_tree(rng: np.random.Generator, habit: Habit) -> list[Branches]:
    """Trunks and three generations of branches, then the twigs of the disc and two of theirs.

    Arteries and veins leave the disc in four arcades; the temporal ones arch around the macula and
    send thin branches towards it, which stop short of the avascular zone; the rest runs radially
    to the periphery.
    """
    manner = Manner(
        0.22 / habit.density, (0.32, 0.78), (0.5, 1.1), 70.0, 0.36 * habit.tortuosity, 1.0, 0.0023
    )
    trunks = grow(rng, _trunks(rng, habit), manner, _aim, prune=_spare_fovea)
    twigs = _disc_twigs(rng, habit)
    return trunks + grow(rng, twigs, manner, _aim, generations=2, prune=_spare_fovea)


def _trunks(rng: np.random.Generator, habit: Habit) -> Branches:
    """Artery and vein of the four arcades and one more nasal vessel."""
    steps, n = 36, 9
    arcade = np.array([0, 0, 1, 1, 2, 2, 3, 3, rng.integers(4, 6)])
    vein = np.array([*(False, True) * 4, rng.random() < 0.5])
    up, temporal, extra = np.where(arcade % 2 == 0, -1.0, 1.0), arcade < 2, arcade > 3
    s = np.linspace(0.0, 1.0, steps) * np.where(temporal, 3.1, 1.9)[:, None]
    turn, steep = rng.uniform(0.45, 0.8, (n, 1)), rng.uniform(1.25, 1.75, (n, 1))
    arch = steep * np.exp(-s / turn) - rng.uniform(0.0, 0.3, (n, 1)) * (1 - np.exp(-s / 1.2))
    spread = rng.uniform(0.5, 1.2, (n, 1)) * np.where(extra, 0.3, 1.0)[:, None]
    nasal = np.pi - spread - (1.45 - spread) * np.exp(-s / 0.25)
    heading = np.where(temporal[:, None], arch, nasal)
    heading = (heading + _meander(rng, n, steps, 0.16 * habit.tortuosity)) * up[:, None]
    move = direction(heading)[:, :-1] * (s[:, 1] - s[:, 0])[:, None, None]
    root = np.stack([rng.uniform(-0.07, -0.01, n), up * rng.uniform(0.0, 0.04, n)], 1)[:, None]
    points = np.concatenate([root, root + np.cumsum(move, 1)], 1).astype(np.float32)
    width = np.where(vein, VEIN, ARTERY) * np.where(temporal, 1.0, 0.78) * np.where(extra, 0.6, 1.0)
    width = width * habit.calibre * rng.uniform(0.85, 1.15, n)
    return Branches(points, heading, width[:, None] * np.linspace(1.0, 0.8, steps), vein)


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
    way, calibre = direction(heading), rng.uniform(0.0045, 0.0085, n) * habit.calibre
    target = np.where(way[:, :1] > 0, FOVEA, 4.0 * way)
    buds = Buds(0.06 * way, heading, calibre, rng.random(n) < 0.5)
    return walk(rng, buds, 90.0 * calibre, target, Manner(wobble=0.35 * habit.tortuosity), 14, 0.6)


def _aim(buds: Buds) -> Array:
    """Inside the temporal arcades branches seek the fovea, elsewhere they run from the disc."""
    (x, y), way = buds.start.T, buds.way
    inwards = ((FOVEA - buds.start) * way).sum(1) > 0.1
    inside = (x > 0.15) & (np.abs(y) < 1.1) & (x < 1.9)
    radial = buds.start / np.maximum(np.linalg.norm(buds.start, axis=1, keepdims=True), 1e-3)
    return np.where((inwards & inside)[:, None], FOVEA, buds.start + 2.0 * radial + 1.5 * way)


def _spare_fovea(branches: Branches) -> Branches:
    """End every branch at the avascular zone and let it thin out before."""
    away = np.linalg.norm(branches.points - FOVEA, axis=2)
    open_so_far = np.logical_and.accumulate(away > AVASCULAR, axis=1)
    thin = np.clip(0.35 + (away - AVASCULAR) / 0.35, 0.0, 1.0)
    return branches._replace(radius=branches.radius * thin * open_so_far)


LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def illuminate(rng: np.random.Generator, eye: Eye, style: Style) -> Array:
    """A factor (3, size, size) around 1: vignette, tilt, a bright rim, slow unevenness."""
    angle, u0, v0 = rng.uniform(0, 2 * np.pi), rng.normal(0.0, 0.15), rng.normal(0.0, 0.15)
    light = 1.0 + rng.uniform(*style.tilt) * _towards(eye, angle)
    light -= rng.uniform(*style.vignette) * ((eye.u - u0) ** 2 + (eye.v - v0) ** 2)
    light = np.clip(light + 0.06 * fractal(rng, eye.size, 4, 2), 0.12, 1.6)
    side = 0.5 + 0.5 * np.tanh(2.0 * _towards(eye, angle + 0.6))
    rim = rng.uniform(*style.rim) * np.exp((np.hypot(eye.u, eye.v) - 1.0) / 0.09) * side
    # Where light falls off, red falls off last: dark borders look brown, bright rims pale.
    return light ** rgb((0.75, 1.0, 1.1)) * (1.0 + rim * rgb((0.35, 0.9, 1.0)))


def _towards(eye: Eye, angle: float) -> Array:
    """The coordinate of every pixel in a direction, in radii of the field."""
    return eye.u * np.float32(np.cos(angle)) + eye.v * np.float32(np.sin(angle))


def flare(rng: np.random.Generator, eye: Eye, image: Array) -> Array:
    """A crescent of stray light from the eyelid or iris at one side of the field."""
    reach = rng.uniform(0.75, 0.95)
    depth = _towards(eye, rng.choice([0.0, np.pi]) + rng.normal(0.0, 0.5))
    shape = step(reach - depth, 0.12)
    glow = rgb(rng.uniform((0.5, 0.35, 0.0), (0.9, 0.65, 0.2)))
    shade = np.exp(-(((depth - reach + 0.25) / 0.2) ** 2))
    return image * ((1.0 - 0.35 * shade) * (1.0 - 0.8 * shape)) + shape * glow * 0.8


def field_stop(rng: np.random.Generator, eye: Eye, style: Style) -> Array:
    """The part of the square that the camera sees, in [0, 1]; a notch marks which side is up."""
    edge = 2.0 / eye.size
    seen = step(np.hypot(eye.u, eye.v) - 1.0, edge + rng.uniform(0.0, 0.012))
    if style.crop[0] > 1.05:
        seen = seen * step(np.abs(eye.v) - (style.crop[1] - 0.025), edge)
    if rng.random() < style.notch:
        angle = -rng.uniform(0.65, 0.9)
        across, along = np.abs(_towards(eye, angle + np.pi / 2)), _towards(eye, angle)
        seen = np.maximum(seen, step(across - 0.045, edge) * step(along - 1.05, edge) * (along > 0))
    return seen


def expose(draw: Streams, eye: Eye, style: Style, image: Array) -> Array:
    """Haze, optics, field stop, sensor: the picture (3, size, size) as uint8."""
    rng, size = draw("camera"), eye.size
    haze = 0.7 + 0.5 * bump(eye.u, eye.v, rng.normal(0, 0.5, 2), (0.7, 0.7))
    haze = np.clip(rng.uniform(*style.haze) * haze, 0, 0.8)
    image = image + haze * (blur(image, 0.06 * eye.whole) * 1.04 + 0.01 - image)
    if rng.random() < style.flare:
        image = flare(rng, eye, image)
    image = blur(image, rng.uniform(*style.softness) * size)
    luma = np.tensordot(LUMA, image, 1)
    image = luma + blur(image - luma, 0.006 * size)
    seen = field_stop(rng, eye, style)
    if rng.random() < style.stretch:
        image = stretch_contrast(rng, image, seen, 0.3 * eye.whole)
    image = seen * image + (1.0 - seen) * rgb(style.ground)
    grain = draw("noise").standard_normal((4, size, size), dtype=np.float32)
    amount = rng.uniform(*style.noise) * (0.3 + 0.7 * seen)
    image = image + amount * (grain[:3] * 0.6 + grain[3:] * 0.9)
    return np.clip(np.rint(image * 255.0), 0, 255).astype(np.uint8)


def stretch_contrast(rng: np.random.Generator, image: Array, seen: Array, wide: float) -> Array:
    """The stretch that some collections got: local mean (`wide` pixels) off, spread equalised."""
    weight = seen * 0.98 + 0.02
    flat = image - rng.uniform(0.3, 1.0) * (blur(image * weight, wide) / blur(weight, wide))
    inside = flat[:, seen > 0.5]
    flat = (flat - rgb(inside.mean(1))) / (rgb(inside.std(1)) + 1e-3)
    tint = rgb(rng.normal(0.54, 0.05, 3))
    return np.clip(tint + rng.uniform(0.24, 0.38) * flat, 0.0, 1.0)
