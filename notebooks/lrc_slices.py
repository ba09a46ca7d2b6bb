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
# A segmentation is scored as a volume and looked at slice by slice. These viewers need no kernel: the slider, the arrow keys and a sideways drag change the slice, upwards towards the head; layers and organs go
# on and off; the pointer says what lies under it.

# %% tags=["parameters", "remove-input"]
profile: str = "demo"
seed: int = 0

# %% tags=["remove-input"]
import numpy as np
import torch

from ldl.book.parameters import check
from ldl.data.ct_sources import region_maps, slice_bank
from ldl.engine.execute import ensure
from ldl.engine.store import RunStore
from ldl.report.branch import branch, short_config
from ldl.report.cases import TITLES
from ldl.runs.lrc import CtConfig, OrganConfig
from ldl.train import checkpoint
from ldl.train.feed import Feed
from ldl.train.organ_scores import segment
from ldl.train.organs import organ_network
from ldl.widgets.slices import slice_viewer, stack_of

check("lrc_slices", globals())
small, store = profile == "smoke", RunStore()
local = branch(short_config(profile, seed), store)


# %% tags=["remove-input"]
def phantoms(region, **fields):
    """A set of phantoms; its volumes come in their order, the first is shown."""
    return CtConfig(region=region, source="phantom", slices=8 if small else 24, **fields)


# Other phantoms than the branch was pretrained on.
few = (1,) if small else (4,)
tuning = OrganConfig(
    data=phantoms(
        "thorax", size=local.config.data.size, volumes=4 if small else 8, seed=seed + 1, budgets=few
    ),
    budget=few[0],
    base=1,
    backbone="none",
    local_base=local.config.base,
    features=local.config.features,
    steps=4 if small else 120,
    validate_every=4 if small else 40,
    batch=3 if small else 6,
    learning_rate=5e-3,
    loss="dice+ce",
    draw="organs",
    schedule="cosine",
    local=local.config,
    seed=seed,
)
record = ensure(tuning, store, device="cpu", weights=True)


# %% [markdown]
# ## A prediction beside its reference
#
# A thorax phantom that no training has seen: the reference filled, the prediction outlined, superpixels as thin lines. The patient's right is at the left.


# %% tags=["remove-input"]
def predicted(bank, volume):
    """(Z, S, S) uint8 labels of one volume by the fine-tuned branch."""
    net = organ_network(tuning, bank, None, local.net.state_dict())
    net.load_state_dict(checkpoint.load(store.weights(tuning))[0])
    rows = np.arange(volume.first, volume.first + volume.count)
    return segment(net.eval(), Feed(bank.images, torch.device("cpu")), rows)


bank = slice_bank(tuning.data)
tested = bank.part("test")[0]
found = next(one for one in record["volumes"] if one["id"] == tested.id)
score = np.mean([one for one in found["dsc"] if one is not None])
slice_viewer(
    stack_of(
        bank,
        tested.id,
        prediction=predicted(bank, tested),
        regions=region_maps(bank, local.config.superpixels, workers=1),
        title=f"thorax phantom {tested.id}",
    ),
    shown=("reference", "prediction"),
    caption=f"Thorax phantom, {tuning.data.size} px. Prediction: the local branch alone, fine-tuned on {tuning.budget} volumes for {tuning.steps} steps of {tuning.batch} slices; mean DSC of this volume "
    f"{score:.2f}. So short a training is there to be looked at, not to be judged. {local.words}",
)

# %% [markdown]
# ## Abdomen, head and neck
#
# The organs that the paper reports, on phantoms: how small the optic nerves and the chiasm are, and how often a superpixel ends where an organ does.


# %% tags=["remove-input"]
def viewer(region):
    """The first phantom of a region with labels and superpixels."""
    bank = slice_bank(
        phantoms(region, size=32 if small else 96, volumes=1, seed=seed, budgets=(1,))
    )
    name, title = bank.volumes[0].id, TITLES[region]
    return slice_viewer(
        stack_of(
            bank,
            name,
            regions=region_maps(bank, local.config.superpixels, workers=1),
            title=f"{title} phantom {name}",
        ),
        caption=f"{title.capitalize()} phantom, {bank.images.shape[-1]} px, {len(bank.organs)} organs, HU window {bank.window[0]} to {bank.window[1]}.",
    )


viewer("abdomen")

# %% tags=["remove-input"]
viewer("head_neck")

# %% [markdown]
# ## Your own volumes
#
# The built page carries phantoms only, since most real sets may not be passed on. In a running notebook the same viewer opens any bank of CT slices ({doc}`demo_localization` says what JupyterLab needs):
#
# ```python
# from ldl.data.ct import ct_bank
# from ldl.data.superpixel_bank import prepare_superpixels
# from ldl.widgets.live import SliceWidget
#
# bank = ct_bank("abdomen", "btcv", size=128)  # any set of `ldl data list` that shows ct
# SliceWidget(bank, regions=prepare_superpixels(bank, progress=True))  # predictions={"case01": labels}
# ```
