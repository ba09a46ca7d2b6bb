"""Figures that answer: a point searched in other images, regions under the pointer, CT slices."""

from ldl.widgets.emulate import best_asked, emulated, to_cells, to_pixels
from ldl.widgets.packing import restored, text_of
from ldl.widgets.page import html_of
from ldl.widgets.scene import map_bytes, payload, region_scene, scene
from ldl.widgets.slices import slice_viewer, stack_of
