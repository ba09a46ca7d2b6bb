"""One fundus photograph with the masks of everything that is drawn in it: frame, vessels, camera.

Anatomy is in units of the distance from disc to fovea: the optic disc lies at (0, 0), the fovea at
FOVEA, x runs temporally, y downwards. Pictures are (3, size, size) float32 reflectances, maps
(size, size) in [0, 1].
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
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
    paint,
    resize,
    rgb,
    sample_lines,
    stacked,
    step,
    threshold,
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
VEIN_RADIUS, ARTERY_RADIUS = 0.0185, 0.0142
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


def retinal_tree(
    rng: np.random.Generator, calibre: float = 1.0, tortuosity: float = 1.0, density: float = 1.0
) -> list[Branches]:
    """Trunks and three generations of branches, then the twigs of the disc and two of theirs.

    Arteries and veins leave the disc in four arcades; the temporal ones arch around the macula and
    send thin branches towards it, which stop short of the avascular zone; the rest runs radially
    to the periphery. People differ by factors around 1.
    """
    manner = Manner(0.22 / density, (0.32, 0.78), (0.5, 1.1), 70.0, 0.36 * tortuosity, 1.0, 0.0023)
    trunks = grow(rng, _trunks(rng, calibre, tortuosity), manner, _aim, prune=_spare_fovea)
    twigs = _disc_twigs(rng, calibre, tortuosity)
    return trunks + grow(rng, twigs, manner, _aim, generations=2, prune=_spare_fovea)


def _trunks(rng: np.random.Generator, calibre: float, tortuosity: float) -> Branches:
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
    heading = (heading + _meander(rng, n, steps, 0.16 * tortuosity)) * up[:, None]
    move = direction(heading)[:, :-1] * (s[:, 1] - s[:, 0])[:, None, None]
    root = np.stack([rng.uniform(-0.07, -0.01, n), up * rng.uniform(0.0, 0.04, n)], 1)[:, None]
    points = np.concatenate([root, root + np.cumsum(move, 1)], 1).astype(np.float32)
    width = (
        np.where(vein, VEIN_RADIUS, ARTERY_RADIUS)
        * np.where(temporal, 1.0, 0.78)
        * np.where(extra, 0.6, 1.0)
    )
    width = width * calibre * rng.uniform(0.85, 1.15, n)
    return Branches(points, heading, width[:, None] * np.linspace(1.0, 0.8, steps), vein)


def _meander(rng: np.random.Generator, count: int, steps: int, strength: float) -> Array:
    """Smooth wandering of a heading: a few sines of random phase, per branch."""
    s = np.linspace(0.0, 1.0, steps)
    waves = np.arange(2, 9)
    phase = rng.uniform(0, 2 * np.pi, (count, len(waves)))
    size = rng.standard_normal((count, len(waves))) / np.sqrt(waves / 2.0)
    curve = np.sin(2 * np.pi * waves[None, :, None] * s + phase[..., None])
    return strength * (size[..., None] * curve).sum(1) * np.minimum(1.0, 4 * s)


def _disc_twigs(rng: np.random.Generator, calibre: float, tortuosity: float) -> Branches:
    """Thin vessels straight from the disc: to the macula and nasally."""
    n = int(rng.integers(5, 10))
    heading = np.where(rng.random(n) < 0.45, rng.normal(0.05, 0.45, n), rng.normal(np.pi, 0.7, n))
    way, thin = direction(heading), rng.uniform(0.0045, 0.0085, n) * calibre
    target = np.where(way[:, :1] > 0, FOVEA, 4.0 * way)
    buds = Buds(0.06 * way, heading, thin, rng.random(n) < 0.5)
    return walk(rng, buds, 90.0 * thin, target, Manner(wobble=0.35 * tortuosity), 14, 0.6)


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
        # A crescent of stray light from the eyelid or iris at one side of the field.
        reach = rng.uniform(0.75, 0.95)
        depth = _towards(eye, rng.choice([0.0, np.pi]) + rng.normal(0.0, 0.5))
        shape = step(reach - depth, 0.12)
        glow = rgb(rng.uniform((0.5, 0.35, 0.0), (0.9, 0.65, 0.2)))
        shade = np.exp(-(((depth - reach + 0.25) / 0.2) ** 2))
        image = image * ((1.0 - 0.35 * shade) * (1.0 - 0.8 * shape)) + shape * glow * 0.8
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


LEVELS = {"vessel": 0.3, "od": 0.4, "cup": 0.4, "hard_exudates": 0.4}  # a pixel's foreground
CHOROID_PIXELS = 56
# Strength of its shadow in each colour, and of the light reflex along its middle.
ARTERY = rgb((0.05, 0.37, 0.26)), 0.45
VEIN = rgb((0.14, 0.52, 0.34)), 0.25
EXUDATE, BLOOD, DRUSEN = rgb((0.98, 0.86, 0.42)), rgb((0.66, 0.36, 0.32)), rgb((0.10, 0.16, 0.08))


class Spots(NamedTuple):
    """Scattered spots, in units of the anatomy: how many (at least, and on average for an amount of
    1), where, how large (at least, and a gamma distribution's shape and scale), strength, softness.
    """

    number: tuple[int, float]
    centre: tuple[float, float]
    spread: tuple[float, float]
    radius: tuple[float, float, float]
    strength: float
    soft: float


# Bleedings; soft pale spots over the posterior pole; glints of the inner surface and cotton wool.
SPOTS = {
    "haemorrhages": Spots((2, 14), (0.7, 0.0), (0.75, 0.65), (0.004, 1.3, 0.007), 0.9, 0.01),
    "drusen": Spots((8, 90), (1.0, 0.1), (0.6, 0.5), (0.008, 1.5, 0.007), 0.5, 0.0),
    "reflexes": Spots((1, 5), (0.6, 0.0), (0.6, 0.5), (0.015, 2.0, 0.008), 0.8, 0.03),
}


def draw_fundus(
    draw: Streams, style: Style, size: int, needs: str | None = None, *, closer: float = 1.0
) -> tuple[Array, dict[str, Array]]:
    """The picture (3, size, size) uint8 and its masks (size, size) bool: vessel, od, cup,
    hard_exudates.

    `needs` names a structure that has to be present ("hard_exudates"); `closer` above 1 shows a
    part of the field that much larger.
    """
    eye = look(draw("frame"), style, size, closer)
    base, image = _ground(draw("background"), eye, style)
    disc, cup, image = _disc(draw("disc"), eye, style, image, base)
    vessels, image = _vessels(draw("vessels"), eye, style, disc, image)
    found = lesions(draw("lesions"), eye, style, needs)
    image = _ill(draw("illness"), style, found, image)
    image = expose(draw, eye, style, image * illuminate(draw("light"), eye, style))
    plaques = found.get("exudates", 0 * disc)
    maps = {"vessel": vessels, "od": disc, "cup": cup, "hard_exudates": plaques}
    inside = (eye.u**2 + eye.v**2) < 1.0
    return image, {name: threshold(soft * inside, LEVELS[name]) for name, soft in maps.items()}


def _ground(rng: np.random.Generator, eye: Eye, style: Style) -> tuple[Array, Array]:
    """The eye's mean colour, and its pigment, choroid, macula and nerve fibres under even light."""
    size, (x, y) = eye.size, (eye.x, eye.y)
    base = rgb(style.base) * rgb(
        np.exp(style.colour_spread * (rng.normal() + 0.5 * rng.standard_normal(3)))
    )
    pigment = 0.07 * fractal(rng, size, 3, 2) * rgb((0.4, 1.0, 1.3))
    pigment += 0.05 * fractal(rng, size, 4, 3, 0.7) * rgb((1.0, 0.4, 0.2))
    pigment += 0.025 * fractal(rng, size, 9, 4, 0.55) * rgb((0.5, 1.0, 1.1))
    lanes = _choroid(rng, eye) * (1.0 - bump(x, y, FOVEA, (0.45, 0.35)))
    lanes *= rng.uniform(*style.choroid)
    image = base * (1.0 + pigment) * (1.0 + lanes * rgb((0.20, 0.36, 0.36)))
    macula = bump(x, y, FOVEA, (0.23, 0.2)) + 0.35 * bump(x, y, FOVEA, (0.07, 0.07))
    image *= 1.0 - rng.uniform(*style.macula) * macula * rgb((0.55, 0.9, 0.8))
    fibres = np.maximum(fractal(rng, size, 12, 3, 0.8), 0.0)
    fibres *= 1.0 - bump(x, y, FOVEA, (0.55, 0.3))
    fibres *= np.exp(-0.5 * ((np.hypot(x, y) - 0.45) / 0.3) ** 2)
    return base, image + rng.uniform(*style.sheen) * fibres * rgb((0.06, 0.10, 0.05))


def _choroid(rng: np.random.Generator, eye: Eye) -> Array:
    """The broad, blurred vessels that shine through a thinly pigmented fundus, around 0."""
    count = 280
    start = rng.uniform(-2.2, 2.2, (count, 2)) + np.array([0.6, 0.0])
    outwards = np.arctan2(start[:, 1], start[:, 0])
    heading = outwards + rng.normal(0, 0.4, count)
    buds = Buds(start, heading, rng.uniform(0.012, 0.028, count), np.zeros(count, bool))
    length, target = rng.uniform(0.5, 1.4, count), start + 3 * buds._replace(heading=outwards).way
    bands = walk(rng, buds, length, target, Manner(wobble=0.5, pull=0.6), 8, 1.0)
    # They are out of focus: no need for more pixels.
    coarse = replace(eye, size=CHOROID_PIXELS, pixel=eye.pixel * CHOROID_PIXELS / eye.size)
    lanes = paint(coarse.lines(bands, rng.uniform(0.4, 1.0, (count, 1))), coarse.size)
    lanes = blur(lanes, 0.025 * coarse.pixel)
    return resize(lanes - blur(lanes, 0.25 * coarse.pixel), eye.size)


def _disc(
    rng: np.random.Generator, eye: Eye, style: Style, image: Array, base: Array
) -> tuple[Array, Array, Array]:
    """Optic disc, cup and the atrophy beside them: soft maps of both, and the picture."""
    size, edge = eye.size, 1.0 / eye.pixel
    high = rng.uniform(0.185, 0.23) * rng.uniform(0.92, 1.08)
    wide, tilt = high * rng.uniform(0.8, 0.97), rng.normal(0.0, 0.25)
    cos, sin = math.cos(tilt), math.sin(tilt)
    x, y = eye.x * cos + eye.y * sin, eye.y * cos - eye.x * sin
    wave = 0.025 * fractal(rng, size, 6, 1)
    radial = np.hypot(x / wide, y / high) + wave
    disc = step((radial - 1.0) * wide, edge + rng.uniform(0.005, 0.03))
    ratio, nasal, lift = rng.uniform(*style.cup), rng.normal(-0.02, 0.02), rng.normal(0, 0.015)
    cup = np.hypot((x - nasal * (1 - ratio)) / wide, (y - lift) / high) + 2 * wave
    cup = step((cup - ratio) * wide, edge + rng.uniform(0.02, 0.06)) * disc
    image = _atrophy(rng, eye, style, (radial - 1.0) * wide, image)
    glow = rng.uniform(0.1, 0.5) * np.exp(-np.maximum(radial - 1.0, 0.0) * rng.uniform(0.6, 2.0))
    image = image * (1.0 + glow * rgb((0.35, 0.7, 0.7)))
    colour = rgb(style.disc) * (base / rgb(style.base)) ** 0.7
    colour = colour * rgb(np.exp(0.06 * rng.standard_normal(3)))
    rim = colour * rgb((0.97, 0.82, 0.72)) * (1.0 + 0.10 * x / wide)
    rim = rim * (1.0 + 0.04 * fractal(rng, size, 20, 3))
    pale = np.minimum(colour * rgb((1.08, 1.25, 1.6)), 1.0)
    inner = rim + rng.uniform(0.25, 1.0) * cup * (pale - rim)
    return disc, cup, image + 0.95 * disc * (inner - image)


def _atrophy(
    rng: np.random.Generator, eye: Eye, style: Style, outside: Array, image: Array
) -> Array:
    """A pale crescent temporal to the disc with a pigmented border, in some eyes."""
    if rng.random() > style.atrophy:
        return image
    lean = 0.5 + 0.5 * np.tanh(3.0 * (eye.x - rng.uniform(-0.05, 0.1)) / 0.2)
    outside = outside - rng.uniform(0.02, 0.14) * lean + 0.03 * fractal(rng, eye.size, 12, 2)
    colour = image * rgb((1.12, 1.45, 1.6)) + rgb((0.04, 0.05, 0.02))
    image = image + 0.7 * step(outside, 0.03) * lean * (colour - image)
    return image * (1.0 - 0.25 * np.exp(-((outside / 0.02) ** 2)) * lean)


def _vessels(
    rng: np.random.Generator, eye: Eye, style: Style, disc: Array, image: Array
) -> tuple[Array, Array]:
    """Paint veins, arteries and their light reflexes: the cover (size, size), the picture."""
    spans = (style.calibre, style.tortuosity, (0.8, 1.25))
    tree = retinal_tree(rng, *(rng.uniform(*span) for span in spans))
    shade, everything = 0 * image, []
    for vein, (colour, glint) in ((False, ARTERY), (True, VEIN)):
        lines = []
        for branches in tree:
            chosen = branches._replace(
                **{f: a[branches.vein == vein] for f, a in branches._asdict().items()}
            )
            # Thin vessels hold less blood, and it varies from branch to branch.
            blood = np.clip(chosen.radius / 0.012, 0.16, 1.0) ** 0.8
            lines.append(eye.lines(chosen, blood * rng.uniform(0.75, 1.05, (len(blood), 1))))
        s = stacked(lines)
        everything.append(s._replace(radius=1.1 * s.radius, weight=np.ones_like(s.weight)))
        shade = np.maximum(shade, paint(s, eye.size) * colour)
        bright = s._replace(radius=0.28 * s.radius).where(s.radius > 1.0)
        shade *= 1.0 - glint * paint(bright, eye.size) * (1.0 - 0.7 * disc)
    cover = paint(stacked(everything), eye.size)
    shade *= rng.uniform(*style.contrast) * (1.0 + 0.3 * disc)
    halo = 0.05 * blur(cover, 0.012 * eye.whole)
    return cover, image * (1.0 - halo) * (1.0 - np.minimum(shade, 0.85))


def lesions(
    rng: np.random.Generator, eye: Eye, style: Style, needs: str | None = None
) -> dict[str, Array]:
    """What disease there is: maps of haemorrhages, drusen, reflexes and exudates."""
    found = {}
    for kind, spots in SPOTS.items():
        if rng.random() < getattr(style, kind):
            found[kind] = _scattered(rng, eye, spots, flames=kind == "haemorrhages")
    if needs == "hard_exudates" or rng.random() < style.exudates:
        found["exudates"] = _exudates(rng, eye, rng.gamma(1.5, 0.5))
    return found


def _ill(rng: np.random.Generator, style: Style, found: dict[str, Array], image: Array) -> Array:
    """The picture with its lesions over everything else."""
    none = np.zeros(image.shape[1:], np.float32)
    image = image * (1.0 - found.get("haemorrhages", none) * (1.0 - BLOOD))
    image = image + found.get("drusen", none) * DRUSEN
    for kind, colour, low, high in (
        ("reflexes", rgb(style.disc), 0.2, 0.7),
        ("exudates", 0.5 * (rgb(style.disc) + EXUDATE), 0.3, 0.9),
    ):
        shown = rng.uniform(low, high) * found.get(kind, none)
        image = image + shown * np.maximum(colour - image, 0.0)
    return image


def _scattered(rng: np.random.Generator, eye: Eye, kind: Spots, *, flames: bool) -> Array:
    """Spots, among them flames that lie along the nerve fibres if asked for."""
    amount = rng.gamma(1.5, 0.5)
    count = kind.number[0] + rng.poisson(kind.number[1] * amount)
    spots = rng.normal(kind.centre, kind.spread, (count, 2))
    groups = [_lumpy(rng, spots, kind.radius[0] + rng.gamma(*kind.radius[1:], count))]
    for _ in range(rng.poisson(3 * amount) if flames else 0):
        start = rng.normal(0.2, 0.6, 2)
        along = start / max(float(np.linalg.norm(start)), 0.1)
        flame = start + np.outer(np.linspace(0.0, rng.uniform(0.05, 0.16), 9), along)
        groups.append((rng.normal(flame, 0.006), rng.uniform(0.006, 0.016, 9)))
    return blur(_dots(eye, groups, kind.strength), kind.soft * eye.pixel)


def _exudates(rng: np.random.Generator, eye: Eye, amount: float) -> Array:
    """Waxy yellow spots in clusters and rings around the macula; `amount` is about 0.2 to 2."""
    groups = []
    for _ in range(1 + rng.poisson(2.0 * amount)):
        centre = rng.normal(FOVEA, (0.45, 0.35))
        count = 4 + rng.poisson(60 * amount)
        if rng.random() < 0.35:
            angle = rng.uniform(0, 2 * np.pi) + rng.uniform(0, rng.uniform(2.5, 6.3), count)
            distance = rng.uniform(0.15, 0.4) * rng.normal(1.0, 0.12, count)
            spots = centre + distance[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
        else:
            spots = rng.normal(centre, rng.uniform(0.05, 0.22, 2), (count, 2))
        groups.append(_lumpy(rng, spots, 0.0025 + rng.gamma(1.3, 0.0035, count)))
    # One plaque at least is large enough to survive a small rendering.
    groups.append(_lumpy(rng, rng.normal(FOVEA, 0.35, (1, 2)), np.array([0.024])))
    return _dots(eye, groups)


def _lumpy(rng: np.random.Generator, spots: Array, radius: Array) -> tuple[Array, Array]:
    """Every spot becomes three that overlap, so that none is a plain disc."""
    points, size = np.repeat(spots, 3, 0), np.repeat(radius, 3)
    return rng.normal(points, 0.8 * size[:, None]), size * rng.uniform(0.5, 0.9, len(size))


def _dots(eye: Eye, groups: list[tuple[Array, Array]], strength: float = 1.0) -> Array:
    points, radius = (np.concatenate(part) for part in zip(*groups, strict=True))
    weight = np.full(len(radius), strength, np.float32)
    radius = (radius * eye.pixel).astype(np.float32)
    return paint(Samples(eye.project(points), radius, weight), eye.size, dots=True)
