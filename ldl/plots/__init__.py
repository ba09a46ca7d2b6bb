"""What people look at: figures with caption and text alternative, tables, code as it runs."""

from ldl.plots.curves import interval_lines, loss_curves, smooth, step_curves
from ldl.plots.dots import claims_forest, dots
from ldl.plots.images import (
    cell,
    cluster_colours,
    heat,
    image_grid,
    nearest,
    outlined,
    overlay,
    overlay_legend,
    region_colours,
    to_display,
)
from ldl.plots.show import (
    download,
    figure_html,
    scrolling,
    show,
    small_table,
    source,
    source_text,
    styled,
    words,
)
from ldl.plots.theme import (
    GREEN,
    INK,
    ORANGE,
    PAGE,
    PHONE,
    SKY,
    VERMILION,
    colour_of,
    marker_of,
    theme,
)
