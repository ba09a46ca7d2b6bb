"""What people look at: figures with caption and text alternative, tables, code as it runs."""

from ldl.plots.curves import (
    interval_lines,
    loss_curves,
    paired_slopes,
    smooth,
    spread_curves,
    step_curves,
)
from ldl.plots.dots import claims_forest, dots
from ldl.plots.images import (
    cell,
    cluster_colours,
    heat,
    image_grid,
    in_context,
    nearest,
    outlined,
    overlay,
    overlay_legend,
    principal_colours,
    region_colours,
    to_display,
)
from ldl.plots.points import Map, similarity_figure
from ldl.plots.show import (
    download,
    figure_html,
    prose,
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
