"""What the rest of the project asks for: pretraining images, tasks with masks, shape priors.

Image i depends on the seed, on what is asked for and on i alone: more of them are more of the same
list.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ldl.errors import LdlError

from .chest import draw_chest
from .fields import Array, Streams, streams
from .film import JSRT, NIH, SIIM, Film
from .fundus import draw_fundus
from .priors import draw_dsa, draw_octa
from .styles import CHASE, DRISHTI, HRF, IDRID, PRETRAINING, RITE, STARE, Style

SMALLEST = 32


@dataclass(frozen=True)
class Recipe:
    """The camera or film of a task, and the structure that its masks show."""

    look: Style | Film
    structure: str


RECIPES: dict[str, Recipe] = {
    "chasedb1_vessel": Recipe(CHASE, "vessel"),
    "hrf_vessel": Recipe(HRF, "vessel"),
    "rite_vessel": Recipe(RITE, "vessel"),
    "stare_vessel": Recipe(STARE, "vessel"),
    "drishti_gs1_cup": Recipe(DRISHTI, "cup"),
    "drishti_gs1_od": Recipe(DRISHTI, "od"),
    "idrid_od": Recipe(IDRID, "od"),
    "idrid_hard_exudates": Recipe(IDRID, "hard_exudates"),
    "scr_heart": Recipe(JSRT, "heart"),
    "scr_lung": Recipe(JSRT, "lung"),
    "scr_clavicle": Recipe(JSRT, "clavicle"),
    "siim_pneumothorax": Recipe(SIIM, "pneumothorax"),
}
PRIORS = {"octa": draw_octa, "dsa": draw_dsa}


def pretraining_images(modality: str, *, count: int, size: int, seed: int) -> Array:
    """Unlabelled images in every style mixed: (count, C, size, size) uint8, C is 3 for "fundus", 1
    for "xray".

    Raises LdlError for another modality and for sizes below 32 pixels.
    """
    _check(size, count)
    if modality not in ("fundus", "xray"):
        raise LdlError(f"modality '{modality}' has no phantoms: choose fundus or xray")
    out = np.empty((count, 3 if modality == "fundus" else 1, size, size), np.uint8)
    for i in range(count):
        draw = streams(seed, "pretraining", modality, str(i))
        out[i] = _unlabelled(draw, modality, size)
    return out


def _unlabelled(draw: Streams, modality: str, size: int) -> Array:
    choice = draw("style")
    if modality == "fundus":
        share = np.array([s for s, _ in PRETRAINING])
        style = PRETRAINING[int(choice.choice(len(share), p=share / share.sum()))][1]
        return draw_fundus(draw, style, size)[0].transpose(2, 0, 1)
    film = JSRT if choice.random() < 0.15 else NIH
    return draw_chest(draw, film, size, pneumothorax=choice.random() < 0.08)[0][None]


def task_images(
    task: str, *, train: int, test: int, size: int, seed: int
) -> tuple[Array, Array, tuple[str, ...]]:
    """Images (train + test, C, size, size) uint8, masks (train + test, size, size) uint8 in {0,
    1}, and their ids.

    The training images come first. Train and test images are numbered on their own, so that more
    training images leave the test images as they are. Raises LdlError for an unknown task and for
    sizes below 32 pixels.
    """
    _check(size, train)
    _check(size, test)
    if task not in RECIPES:
        raise LdlError(f"task '{task}' has no phantoms: choose one of {', '.join(RECIPES)}")
    numbered = [("train", i) for i in range(train)] + [("test", i) for i in range(test)]
    channels = 3 if isinstance(RECIPES[task].look, Style) else 1
    images = np.empty((len(numbered), channels, size, size), np.uint8)
    masks = np.empty((len(numbered), size, size), np.uint8)
    for k, (split, i) in enumerate(numbered):
        images[k], masks[k] = _labelled(streams(seed, task, split, str(i)), RECIPES[task], size)
    return images, masks, tuple(f"{split}_{i:04d}" for split, i in numbered)


def _labelled(draw: Streams, recipe: Recipe, size: int) -> tuple[Array, Array]:
    if isinstance(recipe.look, Style):
        image, masks = draw_fundus(draw, recipe.look, size, needs=recipe.structure)
        return image.transpose(2, 0, 1), masks[recipe.structure]
    film, masks = draw_chest(
        draw, recipe.look, size, pneumothorax=recipe.structure == "pneumothorax"
    )
    return film[None], masks[recipe.structure]


def shape_prior(kind: str, *, count: int, size: int, seed: int) -> Array:
    """Vessel masks (count, size, size) uint8 in {0, 1} in the manner of "octa" or "dsa"; LdlError
    for others.
    """
    _check(size, count)
    if kind not in PRIORS:
        raise LdlError(f"shape prior '{kind}' is unknown: choose one of {', '.join(PRIORS)}")
    drawn = [PRIORS[kind](streams(seed, "prior", kind, str(i)), size) for i in range(count)]
    return np.array(drawn, np.uint8).reshape(count, size, size)


def _check(size: int, count: int) -> None:
    if size < SMALLEST:
        raise LdlError(
            f"phantoms of {size} pixels are too small to show anything: ask for {SMALLEST} or more"
        )
    if count < 0:
        raise LdlError(f"cannot draw {count} phantoms: the count must be 0 or more")
