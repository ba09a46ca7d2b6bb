# ---
# jupyter:
#   jupytext:
#     formats: py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # One point, found elsewhere
#
# Pick a point in the first image. The others answer at once: which of their pixels look like it to the network, and whether one stands out. Nothing is trained and no label used but your point: one-shot
# localization, section 5.2 of the paper {cite}`chen2021ldl`.

# %% tags=["parameters", "remove-input"]
profile: str = "demo"

# %% tags=["remove-input"]
from IPython.display import Markdown, display

from ldl import plots, widgets
from ldl.book.parameters import check
from ldl.localize import peak
from ldl.widgets.demo import compared, demos

check("demo_localization", globals())
shown = demos(profile)
scenes = [one.scene for one in shown]
given = widgets.payload(scenes)
page = widgets.html_of(
    "localization",
    given,
    label="One-shot localization: a point of the support image, searched in the queries",
)
display({"text/html": page, "text/plain": "[widget] One-shot localization"}, raw=True)

# %% [markdown]
# ## What you see
#
# - **Variant.** *Pd* was trained with patches alone, *+mix* also with mixed images, *+ms* with windows of random size, *+cs* with windows whose centre counts most.
# - **Window.** How much around the point is compared: a small one sees texture, a large one surroundings.
# - **Yellow cross and frame**: found. **Magenta, open cross**: a guess not to be trusted, and why. **Blue ring**: the true place, where the point stands on a landmark.
#
# Put the point on the disc and change the variant. Put it on a vessel's branching, then on plain background: the verdict should turn to *ambiguous* or *flat*. Widen the window until the map follows
# the outline of the eye rather than what lies at the point.
#
# ## What is computed
#
# Each pixel's window average is compared with that of your point by their cosine ({doc}`method_localization`). The answer is the centroid of the region about the maximum, with a verdict:

# %% tags=["remove-input"]
plots.source(peak._judge)

# %% tags=["remove-input"]
Markdown(
    f"The region is that of at least {peak.SHARE:.0%} of the maximum. Flat: the maximum rises less than {peak.LEAST_RISE} over the map's median, or the region is larger than {peak.LARGEST_REGION:g} windows. "
    f"Ambiguous: the second place reaches more than {1 - peak.LEAST_SHARPNESS:.0%} of that rise. All is computed in the page, without kernel or network, from {sum(len(one.images) for one in scenes)} images' embeddings ({len(page) / 1e6:.1f} MB)."
)

# %% [markdown]
# ```{admonition} We deviate
# :class: warning deviation
# Embeddings are rounded to eight bits and, where a cell is larger than a pixel, averaged over cells. How far that lies from whole maps:
# ```

# %% tags=["remove-input"]
rows = []
for one in shown:
    near = compared(one)
    rows.append(
        {
            "images": one.scene.name,
            "cell (px)": one.scene.stride,
            "answers": len(near),
            "found": near["found"].sum(),
            "right": near["right"].sum(),
            "same verdict": near["same"].sum(),
            "within a cell": (near["apart"] <= one.scene.stride).sum(),
            "farthest": f"{near.loc[near['both'], 'apart'].max():.2f} px",
        }
    )
plots.small_table(
    rows,
    wraps=True,
    caption="The page's answers against <code>ldl.localize</code> on whole maps, the point on each landmark. Right: found within a quarter of the window; farthest: where both found one. "
    "No measurement of the method: that is Table 7.",
)

# %% [markdown]
# ## On your own images
#
# In a running notebook the same widget takes any encoder that `ldl pretrain` wrote and any images:
#
# ```python
# from ldl.widgets.live import localization_widget
#
# widget = localization_widget("encoder.safetensors", "A.png", ["B.png", "C.png"], window=64)  # of 512 pixels a side
# widget                 # the cell's last line: pick a point
# ```
#
# `widget.point` and `widget.found` then hold the point, (row, column) of A's square, and one answer a query.
# It needs `pip install jupyterlab` in this book's environment; a JupyterLab elsewhere needs `anywidget` and `ipywidgets` beside it.
#
# On the command line: `ldl localize --encoder encoder.safetensors --support A.png --point 210,180 B.png C.png` writes the points as csv and overlays as png.
