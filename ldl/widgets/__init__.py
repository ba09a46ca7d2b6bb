"""Figures that answer: a point of one image searched in others, regions under the pointer."""

from ldl.widgets.emulate import emulated, to_cells, to_pixels
from ldl.widgets.page import html_of
from ldl.widgets.payload import map_bytes, payload
from ldl.widgets.quantise import Quantised, cell_means, quantised, restored
from ldl.widgets.scene import Scene, Variant, scene

__all__ = [
    "Quantised",
    "Scene",
    "Variant",
    "cell_means",
    "emulated",
    "html_of",
    "map_bytes",
    "payload",
    "quantised",
    "restored",
    "scene",
    "to_cells",
    "to_pixels",
]
