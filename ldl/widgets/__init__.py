"""Figures that answer: a point searched in other images, regions under the pointer, CT slices."""

from ldl.widgets.emulate import best_asked, emulated, to_cells, to_pixels
from ldl.widgets.packing import Quantised, cell_means, quantised, restored, text_of
from ldl.widgets.page import html_of
from ldl.widgets.scene import (
    RegionScene,
    Scene,
    Variant,
    map_bytes,
    payload,
    region_scene,
    scene,
)
from ldl.widgets.slices import SliceStack, slice_viewer, stack_of

__all__ = [
    "Quantised",
    "RegionScene",
    "Scene",
    "SliceStack",
    "Variant",
    "best_asked",
    "cell_means",
    "emulated",
    "html_of",
    "map_bytes",
    "payload",
    "quantised",
    "region_scene",
    "restored",
    "scene",
    "slice_viewer",
    "stack_of",
    "text_of",
    "to_cells",
    "to_pixels",
]
