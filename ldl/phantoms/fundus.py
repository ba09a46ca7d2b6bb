"""One fundus photograph with the masks of everything that is drawn in it."""

from __future__ import annotations

import numpy as np

from . import lesions
from .camera import expose, illuminate
from .fields import Array, Streams, blur, threshold
from .ground import background, optic_disc
from .growth import Branches
from .scene import Scene, frame
from .strokes import Samples, paint
from .styles import Style
from .vessels import Habit, retinal_tree

MASK_LEVEL = 0.3  # the share of a pixel that makes it foreground, as for the real masks
VEIN_SHADE = np.array([0.14, 0.52, 0.34], np.float32)
ARTERY_SHADE = np.array([0.05, 0.37, 0.26], np.float32)
EXUDATE = np.array([0.98, 0.86, 0.42], np.float32)
BLOOD = np.array([0.66, 0.36, 0.32], np.float32)


def draw_fundus(
    draw: Streams, style: Style, size: int, needs: str | None = None
) -> tuple[Array, dict[str, Array]]:
    """The picture (size, size, 3) uint8 and its masks (size, size) bool: vessel, od, cup,
    hard_exudates.

    `needs` names a structure that has to be present ("hard_exudates").
    """
    scene = frame(draw("frame"), style, size)
    base, image = background(draw("background"), scene, style)
    disc, cup, image = optic_disc(draw("disc"), scene, style, image, base)
    covers, image = _vessels(draw("vessels"), scene, style, disc, image)
    image, plaques = _lesions(draw("lesions"), scene, style, image, needs)
    image = image * illuminate(draw("light"), scene, style)
    inside = (scene.u**2 + scene.v**2) < 1.0
    maps = {"vessel": covers, "od": disc, "cup": cup, "hard_exudates": plaques}
    levels = {"vessel": MASK_LEVEL}
    masks = {k: threshold(soft * inside, levels.get(k, 0.4)) for k, soft in maps.items()}
    return expose(draw, scene, style, image), masks


def _vessels(
    rng: np.random.Generator, scene: Scene, style: Style, disc: Array, image: Array
) -> tuple[Array, Array]:
    """Paint veins, arteries and their light reflexes: the cover (size, size) that an annotator
    draws, the picture.
    """
    habit = Habit(
        rng.uniform(*style.calibre), rng.uniform(*style.tortuosity), rng.uniform(0.8, 1.25)
    )
    tree = retinal_tree(rng, habit)
    strength = rng.uniform(*style.contrast)
    cover = np.zeros((scene.size, scene.size), np.float32)
    shade = np.zeros_like(image)
    for vein, colour in ((False, ARTERY_SHADE), (True, VEIN_SHADE)):
        chosen = [_choose(b, b.vein == vein) for b in tree]
        parts = [scene.lines(b, _contrast(rng, b)) for b in chosen]
        dark = paint(_stack(parts), scene.size)
        cover = np.maximum(
            cover,
            paint(
                _stack([Samples(p.points, p.radius * 1.1, np.ones_like(p.weight)) for p in parts]),
                scene.size,
            ),
        )
        shade = np.maximum(shade, dark[..., None] * colour)
        reflex = _stack([Samples(p.points, 0.28 * p.radius, p.weight) for p in parts])
        wide = reflex.radius > 0.28
        glint = paint(Samples(*(a[wide] for a in reflex)), scene.size)
        shade = shade * (1.0 - (0.25 if vein else 0.45) * (glint * (1.0 - 0.7 * disc))[..., None])
    halo = blur(cover, 0.012 * scene.size)[..., None] * 0.05
    shade = shade * (1.0 + 0.3 * disc[..., None])
    return cover, image * (1.0 - halo) * (1.0 - np.minimum(strength * shade, 0.85))


def _choose(b: Branches, which: Array) -> Branches:
    return Branches(
        b.points[which], b.heading[which], b.radius[which], b.vein[which], b.order[which]
    )


def _contrast(rng: np.random.Generator, b: Branches) -> Array:
    """Thin vessels hold less blood: contrast (n, T) grows with calibre and varies from branch to
    branch.
    """
    return np.clip(b.radius / 0.012, 0.16, 1.0) ** 0.8 * rng.uniform(0.75, 1.05, (len(b), 1))


def _stack(parts: list[Samples]) -> Samples:
    return Samples(*(np.concatenate(field) for field in zip(*parts, strict=True)))


def _lesions(
    rng: np.random.Generator, scene: Scene, style: Style, image: Array, needs: str | None
) -> tuple[Array, Array]:
    """Haemorrhages, drusen, reflexes and exudates over everything else: the picture, and the map
    of exudates.
    """
    if rng.random() < style.haemorrhages:
        spots = lesions.haemorrhages(rng, scene, rng.gamma(1.5, 0.5))[..., None]
        image = image * (1.0 - spots * (1.0 - BLOOD))
    if rng.random() < style.drusen:
        spots = lesions.drusen(rng, scene, rng.uniform(0.2, 1.0))[..., None]
        image = image + spots * np.array([0.10, 0.16, 0.08], np.float32)
    if rng.random() < style.reflexes:
        pale = lesions.reflexes(rng, scene)[..., None]
        image = image + rng.uniform(0.2, 0.7) * pale * np.maximum(
            np.array(style.disc, np.float32) - image, 0.0
        )
    plaques = np.zeros((scene.size, scene.size), np.float32)
    if needs == "hard_exudates" or rng.random() < style.exudates:
        plaques = lesions.exudates(rng, scene, rng.gamma(1.5, 0.5))
        bright = np.array(style.disc, np.float32) * 0.5 + EXUDATE * 0.5
        image = image + rng.uniform(0.3, 0.9) * plaques[..., None] * np.maximum(bright - image, 0.0)
    return image, plaques
