"""All of the head and neck, from the skin inwards."""

from __future__ import annotations

from ..canvas import Scene
from .brainstem import paint_brainstem, paint_chiasm
from .eyes import paint_eyes
from .face import paint_cheeks, paint_face
from .glands import paint_glands
from .jaw import paint_jaw, paint_mouth
from .outline import paint_neck, paint_outline
from .skull import paint_skull


def paint_head(scene: Scene) -> None:
    """Paint one patient; what comes later lies on what came before."""
    paint_outline(scene)
    paint_neck(scene)
    paint_cheeks(scene)
    paint_skull(scene)
    paint_face(scene)
    paint_mouth(scene)
    paint_jaw(scene)
    paint_glands(scene)
    paint_brainstem(scene)
    paint_eyes(scene)
    paint_chiasm(scene)
