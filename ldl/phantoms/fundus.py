"""One fundus photograph with the masks of everything that is drawn in it.

Pictures are (3, size, size) float32 reflectances, maps (size, size) in [0, 1].
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ldl.phantoms.eye import FOVEA, Eye, Habit, Style, expose, illuminate, look, retinal_tree
from ldl.phantoms.fields import (
    Array,
    Samples,
    Streams,
    blur,
    bump,
    fractal,
    paint,
    resize,
    rgb,
    stacked,
    step,
    threshold,
)
from ldl.phantoms.growth import Buds, Manner, walk

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
    tree = retinal_tree(rng, Habit(*(rng.uniform(*span) for span in spans)))
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
