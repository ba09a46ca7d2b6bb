"""The retina before anything runs across it: pigment, choroid, macula, nerve fibres, optic disc
and cup.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .fields import Array, blur, bump, fractal, resize, step
from .growth import Branches, Manner, walk
from .scene import Scene
from .strokes import paint
from .styles import Style
from .vessels import FOVEA

CHOROID_PIXELS = 56


def background(rng: np.random.Generator, scene: Scene, style: Style) -> tuple[Array, Array]:
    """The eye's mean colour (3,), and its pigment, choroid and macula under even light."""
    size = scene.size
    base = np.array(style.base, np.float32)
    base = base * np.exp(
        style.colour_spread * (rng.normal() + 0.5 * rng.standard_normal(3))
    ).astype(np.float32)
    image = np.ones((size, size, 1), np.float32) * base
    mottle = fractal(rng, size, 7, 4, 0.55)
    image = image * (1.0 + 0.025 * mottle[..., None] * np.array([0.5, 1.0, 1.1], np.float32))
    choroid = (
        rng.uniform(*style.choroid)
        * _choroid(rng, scene)
        * (1.0 - bump(scene.x, scene.y, FOVEA, (0.45, 0.35)))
    )
    image = image * (1.0 + choroid[..., None] * np.array([0.20, 0.36, 0.36], np.float32))
    pigment = 0.07 * fractal(rng, size, 2, 2)[..., None] * np.array([0.4, 1.0, 1.3], np.float32)
    pigment = pigment + 0.05 * fractal(rng, size, 3, 3, 0.7)[..., None] * np.array(
        [1.0, 0.4, 0.2], np.float32
    )
    depth = rng.uniform(*style.macula)
    macula = depth * bump(scene.x, scene.y, FOVEA, (0.23, 0.2)) + 0.35 * depth * bump(
        scene.x, scene.y, FOVEA, (0.07, 0.07)
    )
    image = (
        image * (1.0 + pigment) * (1.0 - macula[..., None] * np.array([0.55, 0.9, 0.8], np.float32))
    )
    fibres = np.maximum(fractal(rng, size, 9, 4, 0.8), 0.0) * np.exp(
        -0.5 * ((np.hypot(scene.x, scene.y) - 0.45) / 0.3) ** 2
    )
    arcuate = 1.0 - bump(scene.x, scene.y, FOVEA, (0.55, 0.3))
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
    points, heading = walk(
        rng, start, outwards + rng.normal(0, 0.4, count), length, start + 3 * way, manner, 10
    )
    radius = rng.uniform(0.012, 0.028, count)[:, None] * np.ones((1, 10))
    bands = Branches(points, heading, radius, np.zeros(count, bool), np.zeros(count, int))
    coarse = replace(scene, size=CHOROID_PIXELS)  # they are out of focus: no need for more
    lanes = blur(
        paint(coarse.lines(bands, rng.uniform(0.4, 1.0, count)), coarse.size), 0.025 * coarse.pixel
    )
    return resize(lanes - blur(lanes, 0.25 * coarse.pixel), scene.size)


def optic_disc(
    rng: np.random.Generator, scene: Scene, style: Style, image: Array, base: Array
) -> tuple[Array, Array, Array]:
    """Optic disc, cup and the atrophy beside them: soft maps of both, and the picture."""
    size, edge = scene.size, 1.0 / scene.pixel
    half_height = rng.uniform(0.185, 0.23) * rng.uniform(0.92, 1.08)
    half_width = half_height * rng.uniform(0.8, 0.97)
    tilt = rng.normal(0.0, 0.25)
    wave = 0.025 * fractal(rng, size, 5, 1)
    xr, yr = (
        scene.x * np.cos(tilt) + scene.y * np.sin(tilt),
        scene.y * np.cos(tilt) - scene.x * np.sin(tilt),
    )
    radial = np.hypot(xr / half_width, yr / half_height) + wave
    disc = step((radial - 1.0) * half_width, edge + rng.uniform(0.005, 0.03))
    ratio = rng.uniform(*style.cup)
    nasal = rng.normal(-0.02, 0.02)
    cup_radial = (
        np.hypot((xr - nasal * (1 - ratio)) / half_width, (yr - rng.normal(0, 0.015)) / half_height)
        + 2 * wave
    )
    cup = step((cup_radial - ratio) * half_width, edge + rng.uniform(0.02, 0.06)) * disc
    image = _atrophy(rng, scene, style, radial * half_width, half_width, image)
    glow = rng.uniform(0.1, 0.5) * np.exp(-np.maximum(radial - 1.0, 0.0) * rng.uniform(0.6, 2.0))
    image = image * (1.0 + glow[..., None] * np.array([0.35, 0.7, 0.7], np.float32))
    follow = (base / np.array(style.base, np.float32)) ** 0.7
    colour = (
        np.array(style.disc, np.float32)
        * follow
        * np.exp(0.06 * rng.standard_normal(3)).astype(np.float32)
    )
    rim_colour = (
        colour
        * np.array([0.97, 0.82, 0.72], np.float32)
        * (1.0 - 0.10 * xr[..., None] / -half_width)
    )
    rim_colour = rim_colour * (1.0 + 0.04 * fractal(rng, size, 16, 3)[..., None])
    cup_colour = np.minimum(colour * np.array([1.08, 1.25, 1.6], np.float32), 1.0)
    pale = rng.uniform(0.25, 1.0)
    inner = rim_colour + pale * cup[..., None] * (cup_colour - rim_colour)
    return disc, cup, image + 0.95 * disc[..., None] * (inner - image)


def _atrophy(
    rng: np.random.Generator,
    scene: Scene,
    style: Style,
    distance: Array,
    radius: float,
    image: Array,
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
    colour = image * np.array([1.12, 1.45, 1.6], np.float32) + np.array(
        [0.04, 0.05, 0.02], np.float32
    )
    return (image + 0.7 * pale * (colour - image)) * (1.0 - 0.25 * border)
