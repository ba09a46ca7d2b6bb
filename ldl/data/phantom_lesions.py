"""How ill a fundus phantom is: its lesions drawn again, from the same seed, without the rest.

A phantom's ingredients have random streams of their own, so the lesions can be had alone; the draws
here follow `ldl.phantoms.tasks` and `ldl.phantoms.fundus` one by one.
"""

import numpy as np

from ldl.phantoms import lesions
from ldl.phantoms.fields import streams
from ldl.phantoms.scene import frame
from ldl.phantoms.styles import PRETRAINING, Style

# The side at which lesions are measured, in pixels: an image of any size has one grade.
SIDE = 128


def lesion_share(seed: int, number: int) -> float:
    """The share of the field of view that haemorrhages and hard exudates cover, 0 to 1.

    Drusen and pale reflexes do not count: they are no sign of diabetic retinopathy.

    Args:
        seed: of the phantoms.
        number: of the pretraining image, from 0.
    """
    draw = streams(seed, "pretraining", "fundus", str(number))
    style = _style(draw("style"))
    scene = frame(draw("frame"), style, SIDE)
    rng = draw("lesions")
    cover = np.zeros((SIDE, SIDE), np.float32)
    if rng.random() < style.haemorrhages:
        cover += lesions.haemorrhages(rng, scene, rng.gamma(1.5, 0.5))
    if rng.random() < style.drusen:
        lesions.drusen(rng, scene, rng.uniform(0.2, 1.0))
    if rng.random() < style.reflexes:
        lesions.reflexes(rng, scene)
        rng.uniform(0.2, 0.7)
    if rng.random() < style.exudates:
        cover += lesions.exudates(rng, scene, rng.gamma(1.5, 0.5))
    field = scene.u**2 + scene.v**2 < 1.0
    return float(cover[field].sum() / field.sum())


def _style(rng: np.random.Generator) -> Style:
    """The camera, chosen as `ldl.phantoms.tasks` chooses it."""
    share = np.array([share for share, _ in PRETRAINING])
    return PRETRAINING[int(rng.choice(len(share), p=share / share.sum()))][1]
