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
# # Your images
#
# You have a folder of images, masks for a few of them, and a tool you already use. This page goes all the way from the one to the other: pretrain on all images, fine-tune on those with masks
# and see whether the pretraining helped, segment new images, and take the encoder along into timm. It takes a few minutes on two cores. Here the images are phantoms, so that the page needs
# nothing of yours; put your own folders in their place and the rest stays as it is.
#
# Each step is a command as well, and says the same on the terminal:
#
# ```bash
# ldl pretrain photographs encoder.safetensors --modality fundus
# ldl embed --encoder encoder.safetensors photographs -o vectors.npz
# ldl finetune labelled masks -o model.safetensors --encoder encoder.safetensors --compare
# ldl segment --model model.safetensors new -o found
# ldl export encoder.safetensors --to timm -o for_timm
# ```

# %% tags=["parameters"]
profile: str = "demo"
task: str = "drishti_gs1_od"
seed: int = 0

# %% tags=["remove-input"]
import runpy
import tempfile
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from IPython.display import Markdown, display
from PIL import Image

import ldl
from ldl import phantoms, plots
from ldl.book.parameters import check
from ldl.compat import import_torchvision
from ldl.own.embed import contact_sheet, embed_folder
from ldl.tasks import task_named
from ldl.widgets.own import results_page

check("your_images", globals())
SMOKE = profile == "smoke"
SIZE, SIDE = (32, 48) if SMOKE else (64, 128)  # of the squares, of the files
PHOTOGRAPHS, LABELLED, NEW = (20, 13, 4) if SMOKE else (48, 20, 4)
STEPS, UPDATES = (2, 8) if SMOKE else (150, 150)
place = tempfile.TemporaryDirectory()
work = Path(place.name)
structure = task_named(task)


def say(line: str) -> None:
    """A line of a command, without this machine's folders."""
    print(textwrap.fill(line.replace(f"{work}/", ""), 76, subsequent_indent="    "))


quiet = {"progress": False, "say": say}


def save(folder: str, names: list[str], images: np.ndarray) -> Path:
    """(N, C, H, W) or (N, H, W) uint8 as files."""
    (work / folder).mkdir()
    for name, image in zip(names, images, strict=True):
        Image.fromarray(plots.to_display(image)).save(work / folder / name, quality=92)
    return work / folder


# %% [markdown]
# ## What you have
#
# A folder of photographs, in any subfolders and formats; a smaller one of images with masks that bear the same names; and images that came in later. The subject stands in the name, so that no
# patient is trained on and tested on.

# %% tags=["remove-input"]
drawn = phantoms.pretraining_images(structure.modality, count=PHOTOGRAPHS, size=SIDE, seed=seed)
photographs = save("photographs", [f"film{k:03d}.jpg" for k in range(PHOTOGRAPHS)], drawn)
images, truth, _ = phantoms.task_images(task, train=LABELLED, test=NEW, size=SIDE, seed=seed)
names = [f"patient{k:02d}" for k in range(LABELLED + NEW)]
labelled = save("labelled", [f"{name}.jpg" for name in names[:LABELLED]], images[:LABELLED])
masks = save("masks", [f"{name}.png" for name in names[:LABELLED]], 255 * truth[:LABELLED])
new = save("new", [f"{name}.jpg" for name in names[LABELLED:]], images[LABELLED:])
plots.show(
    plots.image_grid(
        [list(drawn[:6]), list(images[:6]), [255 * one for one in truth[:6]]],
        row_titles=["photographs", "labelled", "masks"],
        width=1.1,
    ),
    caption=f"Six of {PHOTOGRAPHS} photographs, and six of {LABELLED} labelled images with their masks. Phantoms.",
    alt="Three rows of six pictures: photographs, labelled images, and their masks.",
)

# %% [markdown]
# ## Pretrain on all of them
#
# No labels are needed. Before it starts, the first steps are measured and the line says what the rest will cost; interrupted, the same call goes on where it was.

# %%
pretrained = ldl.pretrain(
    photographs,
    work / "encoder.safetensors",
    modality=structure.modality,
    profile=profile,
    size=SIZE,
    steps=STEPS,
    seed=seed,
    **quiet,
)

# %% [markdown]
# Beside the weights lie a model card and its figures. From then on the file is all you need: it holds network, preprocessing and card together.

# %%
encoder = ldl.load_encoder(work / "encoder.safetensors")
image = encoder.preprocess(photographs / "film000.jpg")
features = encoder.module(image[None])
print(tuple(image.shape), "->", [tuple(one.shape[1:]) for one in features])

# %% tags=["remove-input"]
losses = pd.DataFrame(encoder.facts["record"]["losses"])
terms = [name for name in losses.columns if name != "step"]
plots.show(
    plots.loss_curves(losses),
    caption="The loss over the steps. If it still falls at the end, train longer.",
    alt="; ".join(
        f"{t} goes from {losses[t].iloc[0]:.3g} to {losses[t].iloc[-1]:.3g}" for t in terms
    )
    + ".",
)

# %% [markdown]
# ## What does it think is alike?
#
# One vector an image, and for some images those that lie nearest. Odd neighbours show what the encoder looks at: often the camera or the exposure and not the anatomy.

# %%
vectors = embed_folder(
    work / "encoder.safetensors",
    photographs,
    work / "vectors.npz",
    **quiet,
)[2]

# %% tags=["remove-input"]
files = sorted(one.name for one in photographs.iterdir())
plots.show(
    contact_sheet(encoder, photographs, files, vectors, queries=4),
    caption="Four images, each beside its five nearest neighbours with the cosine between their vectors. Phantoms.",
    alt="Four rows of six pictures: an image and its five nearest neighbours.",
)

# %% [markdown]
# ## Fine-tune, and ask whether it helped
#
# The same network is trained twice on the masks, once from the encoder and once from nothing, with as many updates; the images of some patients are kept apart and both are scored on them. That
# the pretraining's own task went well is no answer: this is.

# %%
finetuned = ldl.finetune(
    labelled,
    masks,
    work / "model.safetensors",
    encoder=work / "encoder.safetensors",
    compare=True,
    classes=[structure.structure],
    size=SIZE,
    steps=UPDATES,
    seed=seed,
    profile=profile,
    **quiet,
)

# %% tags=["remove-input"]
gap = finetuned.against_scratch
Markdown(
    f"Pretrained minus scratch: {100 * gap.difference:+.1f} points of DSC ({100 * gap.low:+.1f} to {100 * gap.high:+.1f}), {gap.n} test patients: **{gap.verdict}**. "
    "These are phantoms and a training of seconds; nothing follows for real images. On yours the interval is what to look at: with few test patients it is wide, and then it says only "
    "that more of them are needed. With `folds=4` every patient is tested once, in four trainings instead of one."
)

# %% [markdown]
# ## Segment what came in later
#
# Masks in the size of each file, overlays, and a table of areas.

# %%
areas = ldl.segment(work / "model.safetensors", [new], work / "found", **quiet)

# %% tags=["remove-input"]
display(
    results_page(
        work / "found",
        caption=f"New images, and the {structure.structure} found in them. Phantoms.",
    )
)
pd.read_csv(work / "found" / "areas.csv")[["image", "class", "pixels", "share"]].assign(
    image=lambda table: [Path(one).name for one in table["image"]]
).style.format({"share": "{:.1%}"}).hide(axis="index")

# %% [markdown]
# ## The same with the mouse
#
# In a running notebook three widgets call the functions of this page: the losses are drawn as a training runs, *Stop* ends it and the next start goes on where it was; masks are painted with
# brush and eraser and kept at each stroke; and what was found is looked through image by image.
#
# ```python
# from ldl.widgets.own import finetuning_widget, pretraining_widget, results_widget
#
# pretraining_widget("photographs", "encoder.safetensors", modality="fundus")
# ```
#
# ```python
# # paint a few images, press Fine-tune, and see the masks of all others
# finetuning_widget("photographs", "masks", "model.safetensors", "found", encoder="encoder.safetensors")
# ```
#
# ```python
# results_widget("found")  # of any `ldl segment`
# ```
#
# All of it was tried in JupyterLab 4 and in Notebook 7. Outside of this environment either needs `anywidget` and `ipywidgets`
# beside it.

# %% [markdown]
# ## Take it along
#
# `ldl export` writes the encoder for timm, segmentation_models_pytorch, MONAI's FlexibleUNet, nnU-Net or onnx: weights, a card, and one short module that loads them there without ldl.

# %%
import_torchvision()  # timm needs it, and it needs help beside a CPU-only torch
ldl.export(work / "encoder.safetensors", "timm", work / "for_timm")
in_timm = runpy.run_path(str(work / "for_timm" / "ldl_timm.py"))["model"]()
with torch.inference_mode():
    there, here = in_timm(image[None]), encoder.module(image[None])
gaps = [float((a - b).abs().max()) for a, b in zip(there, here, strict=True)]
print(f"{type(in_timm).__name__} of timm; largest difference of an output: {max(gaps):.1g}")
