"""All of the trunk, from the skin inwards."""

from __future__ import annotations

from ..canvas import Scene
from .bowel import paint_bowel, paint_duodenum, paint_stomach
from .frame import build_frame
from .heart import paint_heart
from .kidneys import paint_kidneys
from .lungs import paint_airways, paint_lungs
from .pancreas import paint_mesentery, paint_pancreas, paint_retroperitoneum
from .solids import paint_gallbladder, paint_liver, paint_spleen
from .vessels import paint_aorta, paint_chest_vessels, paint_veins
from .wall import paint_wall


def paint_trunk(scene: Scene) -> None:
    """Paint one patient; what comes later lies on what came before."""
    frame = build_frame(scene)
    paint_wall(scene, frame)
    paint_bowel(scene, frame)
    paint_mesentery(scene)
    paint_kidneys(scene, frame)
    paint_lungs(scene, frame)
    paint_liver(scene, frame)
    paint_spleen(scene, frame)
    paint_retroperitoneum(scene)
    paint_stomach(scene, frame)
    paint_duodenum(scene)
    paint_gallbladder(scene)
    paint_chest_vessels(scene, frame)
    paint_heart(scene, frame)
    paint_veins(scene, frame)
    paint_airways(scene)
    paint_aorta(scene, frame)
    paint_pancreas(scene)
