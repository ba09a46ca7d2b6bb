"""Figures that answer: a point searched in other images, regions under the pointer, CT slices."""

from ldl.widgets.packing import html_of, restored
from ldl.widgets.scene import (
    best_asked,
    emulated,
    map_bytes,
    payload,
    region_scene,
    scene,
    to_cells,
    to_pixels,
)
