"""What people look at: figures with caption and text alternative, code as it runs."""

from ldl.plots.charts import interval_lines, loss_curves, smooth, spread_curves
from ldl.plots.dots import column_dots
from ldl.plots.embedding import cell, in_context, nearest, principal_colours
from ldl.plots.images import (
    cluster_colours,
    heat,
    image_grid,
    overlay,
    overlay_legend,
    panel,
    patch_grid,
    to_display,
)
from ldl.plots.levels import Level, Part, levels_figure
from ldl.plots.regions import outlined, region_colours
from ldl.plots.show import figure_html, show
from ldl.plots.source import source, source_text
from ldl.plots.strips import seed_strips
from ldl.plots.supports import support_dots
from ldl.plots.tables import prose, scrolling, small_table, styled, words
from ldl.plots.theme import INK, METHOD_COLOURS, colour_of, marker_of, theme
from ldl.plots.watch import watch_curves

__all__ = [
    "INK",
    "METHOD_COLOURS",
    "Level",
    "Part",
    "cell",
    "cluster_colours",
    "colour_of",
    "column_dots",
    "figure_html",
    "heat",
    "image_grid",
    "in_context",
    "interval_lines",
    "levels_figure",
    "loss_curves",
    "marker_of",
    "nearest",
    "outlined",
    "overlay",
    "overlay_legend",
    "panel",
    "patch_grid",
    "principal_colours",
    "prose",
    "region_colours",
    "scrolling",
    "seed_strips",
    "show",
    "small_table",
    "smooth",
    "source",
    "source_text",
    "spread_curves",
    "styled",
    "support_dots",
    "theme",
    "to_display",
    "watch_curves",
    "words",
]
