"""Figures that answer: a point of one image searched in others, regions under the pointer."""

from ldl.widgets.emulate import emulated, to_cells, to_pixels
from ldl.widgets.page import html_of
from ldl.widgets.payload import map_bytes, payload, text_of
from ldl.widgets.quantise import Quantised, cell_means, quantised, restored
from ldl.widgets.regions import RegionScene, region_payload, region_scene
from ldl.widgets.scene import Scene, Variant, scene

__all__ = [
    "Quantised",
    "RegionScene",
    "Scene",
    "Variant",
    "cell_means",
    "emulated",
    "html_of",
    "map_bytes",
    "payload",
    "quantised",
    "region_payload",
    "region_scene",
    "restored",
    "scene",
    "text_of",
    "to_cells",
    "to_pixels",
]
