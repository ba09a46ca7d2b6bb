"""Phantoms: fundus photographs, chest films and CT volumes drawn from a seed, with exact masks.

They are for the embedded default and for tests. What is measured on them is no evidence about real
images or patients.

Image i depends on the seed, on what is asked for and on i alone: more of them are more of the same
list. What cannot be drawn is an `LdlError`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ldl.errors import LdlError
from ldl.phantoms.chest import FILMS, draw_chest
from ldl.phantoms.ct import ORGANS, volumes
from ldl.phantoms.fields import Array, Streams, anatomy, streams
from ldl.phantoms.fundus import CAMERAS, FOVEA, Style, draw_fundus, lesions, look
from ldl.phantoms.growth import draw_dsa, draw_octa

SMALLEST = 32
OLD_FILMS, COLLAPSED_LUNGS = 0.15, 0.08  # of the pretraining films
LESION_SIDE = 128  # lesions are measured at this size, so that an image of any size has one grade
TABLES = anatomy("pictures")
PRIORS = {"octa": draw_octa, "dsa": draw_dsa}
CHANNELS = {"fundus": 3, "xray": 1}


def pretraining_image(
    modality: str, number: int, *, size: int, seed: int, closer: float = 1.0
) -> tuple[Array, dict[str, Array]]:
    """One unlabelled image of any style, "fundus" or "xray", with the masks of what is in it.

    (C, size, size) uint8, and (size, size) bool each: vessel, od, cup and hard_exudates, or heart,
    lung, clavicle and pneumothorax. ``closer`` above 1 shows a part of an eye that much larger.
    """
    _check(size, number)
    if modality not in CHANNELS:
        raise LdlError(f"modality '{modality}' has no phantoms: choose fundus or xray")
    draw = streams(seed, "pretraining", modality, number)
    if modality == "fundus":
        return draw_fundus(draw, _camera(draw), size, closer=closer)
    _check(size, number, closer)
    choice = draw("style")
    film = FILMS["jsrt" if choice.random() < OLD_FILMS else "nih"]
    return draw_chest(draw, film, size, pneumothorax=choice.random() < COLLAPSED_LUNGS)


def _camera(draw: Streams) -> Style:
    names, shares = zip(*TABLES["pretraining"].items(), strict=True)
    share = np.array(shares)
    return CAMERAS[names[int(draw("style").choice(len(share), p=share / share.sum()))]]


def pretraining_images(
    modality: str, *, count: int, size: int, seed: int, closer: float = 1.0
) -> Array:
    """(count, C, size, size) uint8 in every style mixed; more as of `pretraining_image`."""
    _check(size, count)
    out = np.empty((count, CHANNELS.get(modality, 1), size, size), np.uint8)
    for i in range(count):
        out[i] = pretraining_image(modality, i, size=size, seed=seed, closer=closer)[0]
    return out


def lesion_share(seed: int, number: int) -> float:
    """Share of a fundus pretraining image's field that haemorrhages and hard exudates cover, 0..1.

    Drusen and pale reflexes do not count: they are no sign of diabetic retinopathy.
    """
    # Ingredients have streams of their own: the lesions can be drawn again without the rest.
    draw = streams(seed, "pretraining", "fundus", number)
    style = _camera(draw)
    eye = look(draw("frame"), style, LESION_SIDE)
    found = lesions(draw("lesions"), eye, style)
    cover = np.add(*(found.get(kind, 0 * eye.x) for kind in ("haemorrhages", "exudates")))
    return float(cover[eye.u**2 + eye.v**2 < 1.0].mean())


def task_images(
    task: str, *, train: int, test: int, size: int, seed: int, closer: float = 1.0
) -> tuple[Array, Array, tuple[str, ...]]:
    """Images (N, C, size, size) uint8, masks (N, size, size) uint8 in {0, 1}, and their ids.

    The N = train + test images are numbered on their own in both parts, training images first, so
    that more training images leave the test images as they are.
    """
    _check(size, min(train, test))
    if task not in TABLES["tasks"]:
        known = ", ".join(TABLES["tasks"])
        raise LdlError(f"task '{task}' has no phantoms: choose one of {known}")
    name, structure = TABLES["tasks"][task]
    eye = CAMERAS.get(name)
    numbered = [("train", i) for i in range(train)] + [("test", i) for i in range(test)]
    images = np.empty((len(numbered), 3 if eye else 1, size, size), np.uint8)
    masks = np.empty((len(numbered), size, size), np.uint8)
    for k, (split, i) in enumerate(numbered):
        draw = streams(seed, task, split, i)
        if eye:
            images[k], drawn = draw_fundus(draw, eye, size, structure, closer=closer)
        else:
            _check(size, train, closer)
            images[k], drawn = draw_chest(
                draw, FILMS[name], size, pneumothorax=structure == "pneumothorax"
            )
        masks[k] = drawn[structure]
    return images, masks, tuple(f"{split}_{i:04d}" for split, i in numbered)


def landmarks(
    landmark: str, *, count: int, size: int, seed: int
) -> Iterator[tuple[str, Array, tuple[float, float]]]:
    """Id, image (C, size, size) uint8 and point (row, column) of phantoms with a landmark.

    The exact centre of "disc" or "fovea" in eyes of the camera that shows both (IDRiD's), or the
    centroid of the mask of the "heart". The centre of the first pixel is at (0.0, 0.0).
    """
    if landmark == "heart":
        drawn = task_images("scr_heart", train=0, test=count, size=size, seed=seed)
        for image, mask, id_ in zip(*drawn, strict=True):
            row, column = (float(places.mean()) for places in np.nonzero(mask))
            yield id_, image, (row, column)
        return
    for number in range(count):
        draw = streams(seed, "landmarks", number)
        eye = look(draw("frame"), CAMERAS["idrid"], size)
        # `project` counts from the image's edge, half a pixel before the first centre.
        column, row = eye.project(FOVEA if landmark == "fovea" else 0 * FOVEA) - 0.5
        yield (
            f"eye_{number:04d}",
            draw_fundus(draw, CAMERAS["idrid"], size)[0],
            (float(row), float(column)),
        )


def shape_prior(kind: str, *, count: int, size: int, seed: int) -> Array:
    """Vessel masks (count, size, size) uint8 in {0, 1}, "octa" or "dsa"."""
    _check(size, count)
    if kind not in PRIORS:
        raise LdlError(f"shape prior '{kind}' is unknown: choose one of {', '.join(PRIORS)}")
    drawn = [PRIORS[kind](streams(seed, "prior", kind, i), size) for i in range(count)]
    return np.array(drawn, np.uint8).reshape(count, size, size)


def _check(size: int, count: int, closer: float = 1.0) -> None:
    if closer != 1.0:
        raise LdlError("chest films are drawn whole: leave `closer` at 1, or ask for eyes")
    if size < SMALLEST:
        raise LdlError(
            f"phantoms of {size} pixels are too small to show anything: ask for {SMALLEST} or more"
        )
    if count < 0:
        raise LdlError(f"cannot draw {count} phantoms: the count must be 0 or more")
