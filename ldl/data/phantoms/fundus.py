"""One fundus photograph with the masks of everything that is drawn in it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from . import lesions
from .camera import expose, illuminate
from .fields import Array, Streams, blur, bump, fractal, resize, step
from .growth import Branches, Manner, walk
from .scene import Scene, frame
from .strokes import Samples, paint
from .styles import Style
from .vessels import FOVEA, Habit, retinal_tree

CHOROID_PIXELS = 72
MASK_LEVEL = 0.3  # the share of a pixel that makes it foreground, as for the real masks
VEIN_SHADE = np.array([0.18, 0.50, 0.36], np.float32)
ARTERY_SHADE = np.array([0.08, 0.36, 0.27], np.float32)
EXUDATE = np.array([0.98, 0.86, 0.42], np.float32)
BLOOD = np.array([0.66, 0.36, 0.32], np.float32)


def draw_fundus(draw: Streams, style: Style, size: int, needs: str | None = None) -> tuple[Array, dict[str, Array]]:
    """The picture (size, size, 3) uint8 and its masks (size, size) bool: vessel, od, cup, hard_exudates.

    `needs` names a structure that has to be present ("hard_exudates").
    """
    scene = frame(draw("frame"), style, size)
    base, image = _background(draw("background"), scene, style)
    disc, cup, image = _disc(draw("disc"), scene, style, image, base)
    covers, image = _vessels(draw("vessels"), scene, style, disc, image)
    image, plaques = _lesions(draw("lesions"), scene, style, image, needs)
    image = image * illuminate(draw("light"), scene, style)
    inside = (scene.u**2 + scene.v**2) < 1.0
    maps = {"vessel": covers, "od": disc, "cup": cup, "hard_exudates": plaques}
    masks = {name: (soft > (MASK_LEVEL if name == "vessel" else 0.4)) & inside for name, soft in maps.items()}
    return expose(draw, scene, style, image), masks


def _background(rng: np.random.Generator, scene: Scene, style: Style) -> tuple[Array, Array]:
    """The eye's mean colour (3,), and pigment, choroid and macula without the light's unevenness."""
    size = scene.size
    base = np.array(style.base, np.float32)
    base = base * np.exp(style.colour_spread * (rng.normal() + 0.5 * rng.standard_normal(3))).astype(np.float32)
    image = np.ones((size, size, 1), np.float32) * base
    mottle = fractal(rng, size, 7, 4, 0.55)
    image = image * (1.0 + 0.035 * mottle[..., None] * np.array([0.5, 1.0, 1.1], np.float32))
    choroid = rng.uniform(*style.choroid) * _choroid(rng, scene) * (1.0 - bump(scene.x, scene.y, *FOVEA, 0.45, 0.35))
    image = image * (1.0 + choroid[..., None] * np.array([0.16, 0.34, 0.36], np.float32))
    pigment = 0.06 * fractal(rng, size, 2, 2)[..., None] * np.array([0.4, 1.0, 1.3], np.float32)
    depth = rng.uniform(*style.macula)
    macula = depth * bump(scene.x, scene.y, *FOVEA, 0.2, 0.18) + 0.5 * depth * bump(scene.x, scene.y, *FOVEA, 0.06, 0.06)
    image = image * (1.0 + pigment) * (1.0 - macula[..., None] * np.array([0.55, 0.9, 0.8], np.float32))
    fibres = np.maximum(fractal(rng, size, 9, 4, 0.8), 0.0) * bump(np.hypot(scene.x, scene.y), 0.0, 0.45, 0.0, 0.3, 1.0)
    arcuate = 1.0 - bump(scene.x, scene.y, *FOVEA, 0.55, 0.3)
    sheen = rng.uniform(*style.sheen) * fibres * arcuate
    return base, image + sheen[..., None] * np.array([0.06, 0.10, 0.05], np.float32)


def _choroid(rng: np.random.Generator, scene: Scene) -> Array:
    """The broad, blurred vessels that shine through a thinly pigmented fundus, around 0."""
    count = 280
    start = rng.uniform(-2.2, 2.2, (count, 2)) + np.array([0.6, 0.0])
    outwards = np.arctan2(start[:, 1], start[:, 0])
    way = np.stack([np.cos(outwards), np.sin(outwards)], 1)
    manner = Manner(1.0, (1, 1), (0, 0), 0.0, 0.5, 0.6, 0.0)
    length = rng.uniform(0.5, 1.4, count)
    points, heading = walk(rng, start, outwards + rng.normal(0, 0.4, count), length, start + 3 * way, manner, 10)
    radius = rng.uniform(0.012, 0.028, count)[:, None] * np.ones((1, 10))
    bands = Branches(points, heading, radius, np.zeros(count, bool), np.zeros(count, int))
    coarse = replace(scene, size=CHOROID_PIXELS)  # they are out of focus: no need for more
    lanes = blur(paint(coarse.lines(bands, rng.uniform(0.4, 1.0, count)), coarse.size), 0.025 * coarse.pixel)
    return resize(lanes - blur(lanes, 0.25 * coarse.pixel), scene.size)


def _disc(
    rng: np.random.Generator, scene: Scene, style: Style, image: Array, base: Array
) -> tuple[Array, Array, Array]:
    """Optic disc, cup and the atrophy beside them: soft maps of both, and the picture."""
    size, edge = scene.size, 1.0 / scene.pixel
    half_height = rng.uniform(0.185, 0.23) * rng.uniform(0.92, 1.08)
    half_width = half_height * rng.uniform(0.8, 0.97)
    tilt = rng.normal(0.0, 0.25)
    wave = 0.025 * fractal(rng, size, 5, 1)
    xr, yr = scene.x * np.cos(tilt) + scene.y * np.sin(tilt), scene.y * np.cos(tilt) - scene.x * np.sin(tilt)
    radial = np.hypot(xr / half_width, yr / half_height) + wave
    disc = step((radial - 1.0) * half_width, edge + rng.uniform(0.005, 0.03))
    ratio = rng.uniform(*style.cup)
    nasal = rng.normal(-0.02, 0.02)
    cup_radial = np.hypot((xr - nasal * (1 - ratio)) / half_width, (yr - rng.normal(0, 0.015)) / half_height) + 2 * wave
    cup = step((cup_radial - ratio) * half_width, edge + rng.uniform(0.02, 0.06)) * disc
    image = _atrophy(rng, scene, style, radial * half_width, half_width, image)
    glow = rng.uniform(0.1, 0.5) * np.exp(-np.maximum(radial - 1.0, 0.0) * rng.uniform(0.6, 2.0))
    image = image * (1.0 + glow[..., None] * np.array([0.35, 0.7, 0.7], np.float32))
    follow = (base / np.array(style.base, np.float32)) ** 0.7
    colour = np.array(style.disc, np.float32) * follow * np.exp(0.06 * rng.standard_normal(3)).astype(np.float32)
    rim_colour = colour * np.array([0.97, 0.82, 0.72], np.float32) * (1.0 - 0.10 * xr[..., None] / -half_width)
    rim_colour = rim_colour * (1.0 + 0.04 * fractal(rng, size, 16, 3)[..., None])
    cup_colour = np.minimum(colour * np.array([1.08, 1.25, 1.6], np.float32), 1.0)
    pale = rng.uniform(0.25, 1.0)
    inner = rim_colour + pale * cup[..., None] * (cup_colour - rim_colour)
    return disc, cup, image + 0.95 * disc[..., None] * (inner - image)


def _atrophy(
    rng: np.random.Generator, scene: Scene, style: Style, distance: Array, radius: float, image: Array
) -> Array:
    """A pale crescent temporal to the disc with a pigmented border, in some eyes."""
    present = rng.random() < style.atrophy
    width = rng.uniform(0.02, 0.14)
    lean = 0.5 + 0.5 * np.tanh(3.0 * (scene.x - rng.uniform(-0.05, 0.1)) / 0.2)
    ragged = 0.03 * fractal(rng, scene.size, 10, 2)
    outside = distance - radius - width * lean + ragged
    pale = step(outside, 0.03)[..., None] * lean[..., None]
    border = np.exp(-((outside / 0.02) ** 2))[..., None] * lean[..., None]
    if not present:
        return image
    colour = image * np.array([1.12, 1.45, 1.6], np.float32) + np.array([0.04, 0.05, 0.02], np.float32)
    return (image + 0.7 * pale * (colour - image)) * (1.0 - 0.25 * border)


def _vessels(
    rng: np.random.Generator, scene: Scene, style: Style, disc: Array, image: Array
) -> tuple[Array, Array]:
    """Paint veins, arteries and their light reflexes: the cover (size, size) that an annotator draws, the picture."""
    habit = Habit(rng.uniform(*style.calibre), rng.uniform(*style.tortuosity), rng.uniform(0.8, 1.25))
    tree = retinal_tree(rng, habit)
    strength = rng.uniform(*style.contrast)
    cover = np.zeros((scene.size, scene.size), np.float32)
    shade = np.zeros_like(image)
    for vein, colour in ((False, ARTERY_SHADE), (True, VEIN_SHADE)):
        chosen = [_choose(b, b.vein == vein) for b in tree]
        parts = [scene.lines(b, _contrast(rng, b)) for b in chosen]
        dark = paint(_stack(parts), scene.size)
        cover = np.maximum(cover, paint(_stack([Samples(p.points, p.radius * 1.1, np.ones_like(p.weight)) for p in parts]), scene.size))
        shade = np.maximum(shade, dark[..., None] * colour)
        reflex = _stack([Samples(p.points, 0.28 * p.radius, p.weight) for p in parts])
        wide = reflex.radius > 0.28
        glint = paint(Samples(*(a[wide] for a in reflex)), scene.size)
        shade = shade * (1.0 - (0.45 if not vein else 0.25) * glint[..., None])
    halo = blur(cover, 0.012 * scene.size)[..., None] * 0.05
    shade = shade * (1.0 + 0.3 * disc[..., None])
    return cover, image * (1.0 - halo) * (1.0 - np.minimum(strength * shade, 0.85))


def _choose(b: Branches, which: Array) -> Branches:
    return Branches(b.points[which], b.heading[which], b.radius[which], b.vein[which], b.order[which])


def _contrast(rng: np.random.Generator, b: Branches) -> Array:
    """Thin vessels hold less blood: contrast (n, T) grows with calibre and varies from branch to branch."""
    return np.clip(b.radius / 0.012, 0.16, 1.0) ** 0.8 * rng.uniform(0.75, 1.05, (len(b), 1))


def _stack(parts: list[Samples]) -> Samples:
    return Samples(*(np.concatenate(field) for field in zip(*parts, strict=True)))


def _lesions(
    rng: np.random.Generator, scene: Scene, style: Style, image: Array, needs: str | None
) -> tuple[Array, Array]:
    """Haemorrhages, drusen and exudates over everything else: the picture, and the map of exudates."""
    if rng.random() < style.haemorrhages:
        spots = lesions.haemorrhages(rng, scene, rng.gamma(1.5, 0.5))[..., None]
        image = image * (1.0 - spots * (1.0 - BLOOD))
    if rng.random() < style.drusen:
        spots = lesions.drusen(rng, scene, rng.uniform(0.2, 1.0))[..., None]
        image = image + spots * np.array([0.10, 0.16, 0.08], np.float32)
    plaques = np.zeros((scene.size, scene.size), np.float32)
    if needs == "hard_exudates" or rng.random() < style.exudates:
        plaques = lesions.exudates(rng, scene, rng.gamma(1.5, 0.5))
        bright = np.array(style.disc, np.float32) * 0.5 + EXUDATE * 0.5
        image = image + rng.uniform(0.55, 0.9) * plaques[..., None] * np.maximum(bright - image, 0.0)
    return image, plaques
