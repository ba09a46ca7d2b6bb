"""A pretraining phantom with the masks of what is drawn in it; its bank keeps the image alone.

A phantom's ingredients have random streams of their own, so it can be drawn once more; the draws
follow `ldl.phantoms.tasks`.
"""

import numpy as np
from numpy.typing import NDArray

from ldl.phantoms.chest import draw_chest
from ldl.phantoms.fields import streams
from ldl.phantoms.film import JSRT, NIH
from ldl.phantoms.fundus import draw_fundus
from ldl.phantoms.styles import PRETRAINING
from ldl.tasks import Modality

COLLAPSED_LUNGS, OLD_FILMS = 0.08, 0.15


def with_masks(
    modality: Modality, number: int, *, size: int, seed: int
) -> tuple[NDArray[np.uint8], dict[str, NDArray[np.bool_]]]:
    """The ``number``-th pretraining phantom and its masks by structure.

    Returns:
        (C, size, size) uint8, and (size, size) bool each: vessel, od, cup and hard_exudates, or
        heart, lung, clavicle and pneumothorax.
    """
    draw = streams(seed, "pretraining", modality, str(number))
    choice = draw("style")
    if modality == "fundus":
        share = np.array([share for share, _ in PRETRAINING])
        style = PRETRAINING[int(choice.choice(len(share), p=share / share.sum()))][1]
        image, masks = draw_fundus(draw, style, size)
        return image.transpose(2, 0, 1), masks
    film = JSRT if choice.random() < OLD_FILMS else NIH
    image, masks = draw_chest(draw, film, size, pneumothorax=choice.random() < COLLAPSED_LUNGS)
    return image[None], masks
