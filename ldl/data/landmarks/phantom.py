"""Landmarks of phantoms: the geometry they were drawn with."""

from collections.abc import Iterator

import numpy as np

from ldl.data.landmarks.place import Example, centroid
from ldl.phantoms import task_images
from ldl.phantoms.fields import streams
from ldl.phantoms.fundus import draw_fundus
from ldl.phantoms.scene import frame
from ldl.phantoms.styles import IDRID
from ldl.phantoms.vessels import FOVEA


def phantom_landmarks(landmark: str, count: int, size: int, seed: int) -> Iterator[Example]:
    """Phantoms with the exact centre of the disc or fovea, or the centroid of the heart's mask.

    The eyes are those of the camera that shows both disc and fovea (IDRiD's).
    """
    if landmark == "heart":
        for image, mask, id_ in zip(
            *task_images("scr_heart", train=0, test=count, size=size, seed=seed), strict=True
        ):
            yield id_, image, centroid(mask)
        return
    for number in range(count):
        draw = streams(seed, "landmarks", str(number))
        scene = frame(draw("frame"), IDRID, size)
        # `project` counts from the image's edge, half a pixel before the first centre.
        column, row = scene.project(np.asarray(FOVEA if landmark == "fovea" else (0.0, 0.0))) - 0.5
        image, _ = draw_fundus(draw, IDRID, size)
        yield f"eye_{number:04d}", image.transpose(2, 0, 1), (float(row), float(column))
