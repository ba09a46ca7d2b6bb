"""From the reflectance of the retina to the picture: light, haze, optics, sensor, field stop."""

from __future__ import annotations

import numpy as np

from .fields import Array, Streams, blur, bump, fractal, step
from .scene import Scene
from .styles import Style

LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def illuminate(rng: np.random.Generator, scene: Scene, style: Style) -> Array:
    """A factor (size, size, 3) around 1: vignette, tilt, a bright rim, slow unevenness."""
    u, v = scene.u, scene.v
    r2 = u * u + v * v
    angle = rng.uniform(0, 2 * np.pi)
    tilt = rng.uniform(*style.tilt) * (u * np.cos(angle) + v * np.sin(angle))
    off = rng.normal(0.0, 0.15, 2)
    fall = rng.uniform(*style.vignette) * ((u - off[0]) ** 2 + (v - off[1]) ** 2)
    slow = 0.06 * fractal(rng, scene.size, 3, 2)
    side = 0.5 + 0.5 * np.tanh(2.0 * (u * np.cos(angle + 0.6) + v * np.sin(angle + 0.6)))
    rim = rng.uniform(*style.rim) * np.exp(-((1.0 - np.sqrt(r2)) / 0.09)) * side
    light = np.clip(1.0 + tilt - fall + slow, 0.12, 1.6)[..., None] * np.ones(3, np.float32)
    # Where light falls off, red falls off last: dark borders look brown, bright rims pale.
    light = np.power(light, np.array([0.75, 1.0, 1.1], np.float32))
    return (light * (1.0 + rim[..., None] * np.array([0.35, 0.9, 1.0], np.float32))).astype(
        np.float32
    )


def flare(rng: np.random.Generator, scene: Scene, image: Array) -> Array:
    """A crescent of stray light from the eyelid or iris at one side of the field."""
    angle = rng.choice([0.0, np.pi]) + rng.normal(0.0, 0.5)
    reach = rng.uniform(0.75, 0.95)
    depth = scene.u * np.cos(angle) + scene.v * np.sin(angle)
    shape = step(reach - depth, 0.12)[..., None]
    glow = np.array(
        [rng.uniform(0.5, 0.9), rng.uniform(0.35, 0.65), rng.uniform(0.0, 0.2)], np.float32
    )
    shade = np.exp(-(((depth - reach + 0.25) / 0.2) ** 2))[..., None]
    return image * (1.0 - 0.35 * shade) * (1.0 - 0.8 * shape) + shape * glow * 0.8


def field_stop(rng: np.random.Generator, scene: Scene, style: Style) -> Array:
    """The part of the square that the camera sees, in [0, 1]; a notch marks which side is up."""
    edge = 2.0 / scene.size
    radius = np.sqrt(scene.u**2 + scene.v**2)
    seen = step(radius - 1.0, edge + rng.uniform(0.0, 0.012))
    if style.crop[0] > 1.05:
        seen = seen * step(np.abs(scene.v) - (style.crop[1] - 0.025), edge)
    if rng.random() < style.notch:
        angle = -rng.uniform(0.65, 0.9)
        across = np.abs(scene.v * np.cos(angle) - scene.u * np.sin(angle))
        along = scene.u * np.cos(angle) + scene.v * np.sin(angle)
        seen = np.maximum(seen, step(across - 0.045, edge) * step(along - 1.05, edge) * (along > 0))
    return seen


def expose(draw: Streams, scene: Scene, style: Style, image: Array) -> Array:
    """Haze, optics, field stop, sensor: the picture (size, size, 3) as uint8."""
    rng = draw("camera")
    size = scene.size
    haze = rng.uniform(*style.haze) * (
        0.7 + 0.5 * bump(scene.u, scene.v, rng.normal(0, 0.5, 2), (0.7, 0.7))
    )
    veil = blur(image, 0.06 * size)
    image = image + np.clip(haze, 0, 0.8)[..., None] * (veil * 1.04 + 0.01 - image)
    if rng.random() < style.flare:
        image = flare(rng, scene, image)
    image = blur(image, float(rng.uniform(*style.softness)) * size)
    luma = image @ LUMA
    image = luma[..., None] + blur(image - luma[..., None], 0.006 * size)
    seen = field_stop(rng, scene, style)[..., None]
    if rng.random() < style.stretch:
        image = stretch_contrast(rng, image, seen)
    image = seen * image + (1.0 - seen) * np.array(style.ground, np.float32)
    grain = draw("noise").standard_normal((size, size, 4)).astype(np.float32)
    amount = rng.uniform(*style.noise)
    image = image + amount * (grain[..., :3] * 0.6 + grain[..., 3:] * 0.9) * (0.3 + 0.7 * seen)
    return np.clip(np.rint(image * 255.0), 0, 255).astype(np.uint8)


def stretch_contrast(rng: np.random.Generator, image: Array, seen: Array) -> Array:
    """The per-channel stretch that some collections were given: local mean removed, spread
    equalised.
    """
    size = len(image)
    weight = seen * 0.98 + 0.02
    mean = blur(image * weight, 0.3 * size) / blur(np.repeat(weight, 3, 2), 0.3 * size)
    flat = image - rng.uniform(0.3, 1.0) * mean
    inside = seen[..., 0] > 0.5
    flat = (flat - flat[inside].mean(0)) / (flat[inside].std(0) + 1e-3)
    tint = rng.normal(0.0, 0.05, 3).astype(np.float32)
    return np.clip(0.54 + tint + rng.uniform(0.24, 0.38) * flat, 0.0, 1.0).astype(np.float32)
