"""From the reflectance of the retina to the picture: light, haze, optics, sensor, field stop."""

from __future__ import annotations

import numpy as np

from ldl.phantoms.eye import Eye
from ldl.phantoms.fields import Array, Streams, blur, bump, fractal, rgb, step
from ldl.phantoms.styles import Style

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
    """The per-channel stretch that some collections were given: local mean removed (`wide`
    pixels), spread equalised.
    """
    weight = seen * 0.98 + 0.02
    flat = image - rng.uniform(0.3, 1.0) * (blur(image * weight, wide) / blur(weight, wide))
    inside = flat[:, seen > 0.5]
    flat = (flat - rgb(inside.mean(1))) / (rgb(inside.std(1)) + 1e-3)
    tint = rgb(rng.normal(0.54, 0.05, 3))
    return np.clip(tint + rng.uniform(0.24, 0.38) * flat, 0.0, 1.0)
