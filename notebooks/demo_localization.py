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
# Pick a point in the first image. Every other image answers at once: which of its pixels look like that point to the network, and whether one of them stands out. No training happens, and no
# label is used but your point: this is one-shot localization as in section 5.2 of the paper {cite}`chen2021ldl`.

# %% tags=["parameters"]
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

# %% tags=["remove-input"]
cells = " and ".join(
    f"{one.variants[0].maps[0].data.shape[1]} × {one.variants[0].maps[0].data.shape[2]} cells for the {one.name.lower()}"
    for one in scenes
)
Markdown(
    f"This figure needs no kernel and no network. It carries {len(page) / 1e6:.1f} MB: the embeddings of {sum(len(one.images) for one in scenes)} images under each variant, {cells}, "
    f"{scenes[0].variants[0].maps[0].data.shape[0]} numbers of eight bits a cell ({widgets.map_bytes(scenes) / 1e6:.1f} MB before they are deflated). The window's average, the cosines and the verdict are computed in the page."
)

# %% [markdown]
# ## What you see
#
# - **Variant.** *Pd* was trained with patches alone, *+mix* also with mixed images, *+ms* with windows of random size, *+cs* with windows whose centre counts most. *Pd* to *+ms* average evenly over the window, *+cs* by the
#   Gaussian of Eq. 24.
# - **Window.** How much around the point is compared. A small one sees texture, a large one surroundings.
# - **Yellow cross and frame**: found. **Magenta, open cross**: a guess that should not be trusted, with the reason beside it. **Blue ring**: the true place, known where the point stands on a landmark.
#
# ## What is computed
#
# Each pixel's window average is compared with that of your point by their cosine (Eq. 26 and 35, {doc}`method_localization`). The answer is the centroid of the region about the maximum; when a map is flat, or a second place is nearly as good, the widget says so in words:

# %% tags=["remove-input"]
plots.source(peak._judge)

# %% tags=["remove-input"]
Markdown(
    f"The region is that of at least {peak.SHARE:.0%} of the maximum. Flat: the maximum rises less than {peak.LEAST_RISE} over the map's median, or the region is larger than {peak.LARGEST_REGION:g} windows. "
    f"Ambiguous: the second place reaches more than {1 - peak.LEAST_SHARPNESS:.0%} of that rise. The widget is handed these numbers and keeps none of its own."
)

# %% [markdown]
# ```{admonition} We deviate
# :class: warning deviation
# To keep the page small, embeddings are rounded to eight bits and, where a cell is larger than a pixel, averaged over cells first. A test in a real
# browser holds the page to what Python computes from the same bytes; how far that lies from whole maps is measured here:
# ```

# %% tags=["remove-input"]
rows = []
for one in shown:
    near = compared(one)
    rows.append(
        {
            "images": one.scene.name,
            "pixels a cell": one.scene.stride,
            "answers": len(near),
            "found": near["found"].sum(),
            "of these right": near["right"].sum(),
            "same verdict": near["same"].sum(),
            "within one cell": (near["apart"] <= one.scene.stride).sum(),
            "farthest, both found": f"{near.loc[near['both'], 'apart'].max():.2f} px",
        }
    )
plots.small_table(
    rows,
    caption="The page's answers against <code>ldl.localize</code> on whole maps, for every query and variant, with the point on each landmark and the window as it begins. Right: "
    "nearer to the true place than a quarter of the window, the widest threshold of Table 7. These few answers are no measurement of the method.",
)

# %% [markdown]
# ## What to try
#
# Put the point on the disc and change the variant. Put it on a vessel's branching, then on plain background: the verdict should turn to *ambiguous* or *flat*. Widen the window until the map follows
# the outline of the eye rather than what lies at the point.

# %% tags=["remove-input"]
Markdown(" ".join(one.words for one in scenes))

# %% [markdown]
# What they show is how the method is asked and how it answers; how good its answers are is a matter of many images and stands in {doc}`table7_localization`.
#
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
# What you do in it comes back as numbers, in any later cell:
#
# ```python
# widget.point           # (row, column) in pixels of A's square
# widget.found           # one answer a query
# ```
#
# It needs `pip install jupyterlab` in this book's environment; a JupyterLab elsewhere needs `anywidget` and `ipywidgets` beside it.
#
# On the command line, `ldl localize --encoder encoder.safetensors --support A.png --point 210,180 B.png C.png` writes the points as csv and overlays as png.
