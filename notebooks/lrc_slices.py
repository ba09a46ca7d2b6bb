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
# # CT, slice by slice
#
# A segmentation is scored as a volume, and a volume is looked at slice by slice. These viewers work in the page itself: no kernel, nothing fetched. The slider, the arrow keys (after a click on
# the slice, or with the tab key) and a sideways drag change the slice, upwards towards the head; layers and single organs go on and off; the pointer, or a tap, says what lies under it.

# %% tags=["parameters"]
profile: str = "demo"
seed: int = 0

# %% tags=["hide-input"]
from IPython.display import Markdown

from ldl.book.parameters import check
from ldl.data.ct_sources import region_maps
from ldl.experiments.lrc import cases, live, segmented
from ldl.widgets.slices import slice_viewer, stack_of

check("lrc_slices", globals())
small = profile == "smoke"

# %% [markdown]
# ## A prediction beside its reference
#
# A thorax phantom that no training has seen: the reference filled, the prediction outlined, the superpixels as thin lines. The patient's right is at the left, as radiologists look at it.

# %% tags=["hide-input"]
net = live.live(live.live_config(profile, seed))
one = segmented.segmented(net, "thorax", profile)
maps = region_maps(one.bank, net.config.superpixels, workers=1)
slice_viewer(
    stack_of(
        one.bank,
        one.volume,
        prediction=one.prediction,
        regions=maps,
        title=f"thorax phantom {one.volume}",
    ),
    shown=("reference", "prediction"),
    caption=f"Thorax phantom, {one.config.data.size} px. {one.words} {net.words} A prediction this short in the making is there to be looked at, not to be judged.",
)

# %% [markdown]
# ## Abdomen, head and neck
#
# The eleven and nine organs that the paper reports, on phantoms: how small the optic nerves and the chiasm are, and how often a superpixel ends where an organ does.

# %% tags=["hide-input"]
size = 32 if small else 96
banks = {
    region: segmented.to_scroll(region, size=size, slices=8 if small else 24, seed=seed)
    for region in ("abdomen", "head_neck")
}


def viewer(region):
    """The first phantom of a region with labels and superpixels."""
    bank = banks[region]
    name = bank.volumes[0].id
    regions = region_maps(bank, net.config.superpixels, workers=1)
    return slice_viewer(
        stack_of(bank, name, regions=regions, title=f"{cases.TITLES[region]} phantom {name}"),
        caption=f"{cases.TITLES[region].capitalize()} phantom, {size} px, HU window {bank.window[0]} to {bank.window[1]}.",
    )


viewer("abdomen")

# %% tags=["hide-input"]
viewer("head_neck")

# %% [markdown]
# ## Your own volumes
#
# In a running notebook ({doc}`demo_localization` says what JupyterLab needs) a viewer of the same layers opens any bank of CT slices, real ones too. The first time slices and superpixels are prepared, which takes minutes; then it
# reads the volume in sight only:
#
# ```python
# from ldl.data.ct import ct_bank
# from ldl.data.superpixel_bank import prepare_superpixels
# from ldl.widgets.live import SliceWidget
#
# bank = ct_bank("abdomen", "btcv", size=128)       # any set of `ldl data list` that shows ct
# maps = prepare_superpixels(bank, progress=True)
# SliceWidget(bank, regions=maps)                        # predictions={"case01": labels} as a further layer
# ```
#
# The built page carries phantoms only: most of the real sets may not be passed on.

# %% tags=["hide-input"]
counted = ", ".join(f"{cases.TITLES[region]} {len(bank.organs)}" for region, bank in banks.items())
Markdown(
    f"Organs with labels: thorax {len(one.bank.organs)}, {counted}. Grey values are kept in 64 levels in the page, labels and superpixels exactly."
)
