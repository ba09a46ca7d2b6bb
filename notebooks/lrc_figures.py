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
# # LRC Figures 2 and 3, and slices to scroll through
#
# ```{admonition} The paper says
# :class: note paper
# Figure 2: one slice of each data set as networks with and without LRC segment it; the improvement is largest on head and neck (section 3.5). Figure 3: k-means of LRC's features shows "informative semantic feature representations that
# can be effectively clustered" (section 3.6) {cite}`yan2023lrc`.
# ```

# %% tags=["parameters", "remove-input"]
profile: str = "demo"
seed: int = 0

# %% tags=["remove-input"]
import numpy as np
import torch
from IPython.display import Markdown, display
from matplotlib.patches import Patch
from scipy.cluster.vq import kmeans2

from ldl import plots, report
from ldl.book.parameters import check
from ldl.data.ct import slice_bank
from ldl.data.manifest import manifest_named
from ldl.data.superpixels import prepare_superpixels, quality
from ldl.engine.execute import ensure
from ldl.engine.store import RunStore
from ldl.errors import DataError
from ldl.plots.images import painted
from ldl.plots.theme import fitting
from ldl.report.lrc import (
    TITLES,
    branch,
    embeddings,
    fullest,
    organs_line,
    phantom_case,
    short_config,
    superpixel_maps,
    tables_branch,
    unseen_case,
)
from ldl.rng import numpy_generator
from ldl.runs.lrc import CtConfig, OrganConfig
from ldl.tables.lrc_runs import labelled_set
from ldl.tables.measure import show
from ldl.tasks import REGIONS
from ldl.train import checkpoint
from ldl.train.device import Feed
from ldl.train.organs import organ_network, segment, unpacked
from ldl.widgets.slices import PALETTE, slice_viewer, stack_of

check("lrc_figures", globals())
store, small = RunStore(), profile == "smoke"
report.complete("lrc_table1", profile, store)
shown = show("lrc_table1", "open", store)
if not shown.measured:
    shown = show("lrc_table1", profile, store)
# The paper's panels, and the control that it leaves out.
PANELS = (
    "random",
    "imagenet",
    "moco",
    "genesis",
    "lrc-only",
    "random+unet",
    "random+lrc",
    "imagenet+lrc",
    "moco+lrc",
)

# %% [markdown]
# ## Figure 2
#
# The slice is that of the test part with most organs, not one chosen by eye; under each panel stands the mean DSC over *all* test volumes ({doc}`lrc_table1`). Most sets may not be passed on: of those the slice and its reference are left
# out, and what the networks made of it stands alone.


# %% tags=["remove-input"]
def slices_of(region):
    """The labelled slices, and why they are not shown: one of both is empty."""
    data = labelled_set(region, shown.profile)
    if not shown.phantom and not (one := manifest_named(data.set_name())).licence.redistribution:
        return None, f"{one.title.split(',')[0]} may not be passed on ({one.licence.name})"
    try:
        return slice_bank(data), ""
    except DataError:
        return None, "they are not at hand here"


def coloured(image, labels):
    """(S, S) uint8 slice, or None, and labels -> (S, S, 3) uint8, each organ in its colour."""
    drawn = plots.to_display(np.zeros_like(labels) if image is None else image)
    for place, colour in enumerate(PALETTE, start=1):
        drawn = painted(drawn, labels == place, colour, 1.0 if image is None else 0.65)
    return drawn


def window(labels, margin):
    """The square around all organs of (N, S, S) labels, as two slices."""
    rows, columns = (np.flatnonzero((labels > 0).any(axis=axes)) for axes in ((0, 2), (0, 1)))
    side = max(np.ptp(rows), np.ptp(columns)) + 2 * margin
    starts = (max(0, int(one.min() + one.max() - side) // 2) for one in (rows, columns))
    return tuple(slice(start, start + side) for start in starts)


@fitting
def grid(drawn, names, organs, page=plots.PAGE):
    """The panels with their names, in rows of four, of three if one were left, or of two."""
    across = (3 if len(drawn) % 4 == 1 else 4) if page == plots.PAGE else 2
    rows = [slice(start, start + across) for start in range(0, len(drawn), across)]
    figure = plots.image_grid(
        [drawn[part] for part in rows],
        captions=[names[part] for part in rows],
        width=1.7 if page == plots.PAGE else 1.5,
    )
    with plots.theme():
        figure.legend(
            handles=[
                Patch(facecolor=colour, edgecolor=plots.INK, label=name)
                for name, colour in zip(organs, PALETTE, strict=False)
            ],
            loc="outside lower center",
            ncols=across,
            fontsize=9,
        )
    return figure


def figure(column, cells):
    """One region: the slice and its reference where they may be shown, and what each network makes
    of it."""
    bank, why = slices_of(column.of.region)
    lost, labels = (
        organs_line(shown),
        {row.key: row.label for row in shown.table.rows(shown.profile)},
    )
    kept = {key: cell.records[0]["picture"] for key, cell in cells.items()}
    found = np.stack([unpacked(one["labels"], one["size"]) for one in kept.values()])
    first = next(iter(kept.values()))
    image, drawn, names = None, [], []
    if bank:
        image = np.asarray(bank.images[first["row"], 0])
        drawn = [plots.to_display(image), coloured(image, np.asarray(bank.labels[first["row"]]))]
        names = ["slice", "reference"]
    for (key, cell), one in zip(cells.items(), found, strict=True):
        gone = lost(key, column.key)
        drawn.append(coloured(image, one))
        names.append(f"{labels[key]} {cell.value:.1f} %{', ' + gone if gone else ''}")
    part = window(found, 12 if bank else 4)
    drawn = [one[part] for one in drawn]
    plots.show(
        grid(drawn, names, next(iter(cells.values())).records[0]["organs"]),
        caption=f"<b>{column.group}, {shown.kind}, {column.label}.</b> Slice {first['slice']} of volume {first['volume']}, seed 0; mean DSC over all test volumes and seeds below.{f' Slice and reference are left out: {why}.' if why else ''}",
        alt=f"One axial slice with organs in colour: {', '.join(names)}.",
    )


columns = [one for one in shown.table.columns(shown.profile) if one.of.asked == 10]
gained = {
    column.group.split(",")[0]: shown.number("random+lrc", column.key)
    - shown.number("random", column.key)
    for column in columns
}
if shown.fair:
    display(
        Markdown(
            "Beside random weights LRC adds "
            + ", ".join(f"{gain:.1f} points in {place}" for place, gain in gained.items())
            + f": the most in {max(gained, key=gained.__getitem__)}; in the paper it is head and neck."
        )
    )
for column in columns:
    cells = {
        key: shown.cells[key, column.key] for key in PANELS if (key, column.key) in shown.cells
    }
    if cells:
        figure(column, cells)

# %% [markdown]
# ## Figure 3
#
# Each slice is clustered by itself, unit embeddings of the pixels inside the body. Is there anything in the clusters that grey values, or the network before its first step, did not have?

# %% tags=["remove-input"]
FEW, ROUNDS = 12, 30  # clusters of the coarse map; of k-means
UNSEEN = 10_000  # added to the seed: phantoms that no training draws
local = tables_branch(profile, store, seed)


def grouped(vectors, count):
    """(n, D) -> (n,) cluster numbers by k-means with k-means++ starts."""
    count = min(count, len(np.unique(vectors, axis=0)))
    draw = numpy_generator(seed, "k-means")
    return kmeans2(vectors.astype(float), count, iter=ROUNDS, minit="++", seed=draw)[1]


def clustered(body, values, count):
    """Pixels of each slice by themselves: (N, S, S) int16 clusters, -1 outside the body."""
    maps = np.full(body.shape, -1, np.int16)
    for one, inside, vectors in zip(maps, body, values, strict=True):
        one[inside] = grouped(vectors[inside], count)
    return maps


def directions(net, images):
    """Unit embeddings, (N, S, S, D)."""
    found = np.moveaxis(embeddings(net, images), 1, -1)
    return found / np.maximum(np.linalg.norm(found, axis=-1, keepdims=True), 1e-12)


def dice(maps, case):
    """Mean over the organs of the DSC of the best segmentation made of whole parts."""
    return 100 * float(np.nanmean(quality(maps, case.labels, len(case.organs)).dice))


def region_clusters(name):
    """One slice to show, and how the maps of several fit the organs."""
    size, count = local.config.data.size, 3 if small else 6
    drawn = phantom_case(name, size=size, count=count, seed=seed + UNSEEN)
    real = local.config.data.source != "phantom"
    case = (unseen_case(name, profile, count=2 * count) if real else None) or drawn
    regions = superpixel_maps(case.images)
    parts, body = round(float((regions.max(axis=(1, 2)) + 1).mean())), regions >= 0
    values = {
        "embeddings": directions(local.net, case.images),
        "untrained": directions(local.start, case.images),
        "grey values": case.images[:, 0, ..., None] / 255,
    }
    fits = {"superpixels": dice(regions, case)}
    fits |= {kind: dice(clustered(body, one, parts), case) for kind, one in values.items()}
    one = fullest(case if case.showable else drawn)
    own = superpixel_maps(one.images)
    many, few = (
        clustered(own >= 0, directions(local.net, one.images), number)[0]
        for number in (int(own.max()) + 1, FEW)
    )
    return case, one, fits, (own[0], many, few)


found = [region_clusters(name) for name in REGIONS]
ahead = {
    kind: sum(fits["embeddings"] > fits[kind] for _, _, fits, _ in found)
    for kind in ("untrained", "grey values", "superpixels")
}
display(
    Markdown(
        f"Clusters of the trained embeddings fit the organs better than those of the untrained network in {ahead['untrained']} of {len(found)} regions, than clusters of plain grey values in {ahead['grey values']}, than the superpixels "
        f"that taught them in {ahead['superpixels']}. Whether a cluster *means* an organ this cannot show: two halves of a liver are negatives of each other, and nothing asks that the liver of two patients look alike."
    )
)
plots.show(
    plots.image_grid(
        [
            [
                plots.outlined(one.images[0], maps[0] * 0),
                *map(plots.region_colours, maps),
                plots.region_colours(one.labels[0].astype(int) - 1),
            ]
            for _, one, _, maps in found
        ],
        titles=["slice", "superpixels", "k-means, as many", f"k-means, {FEW}", "organs"],
        row_titles=[TITLES[one.region] for _, one, _, _ in found],
        width=1.35,
    ),
    caption=f"Superpixels beside k-means of the pixel embeddings. {' '.join(dict.fromkeys(one.words for _, one, _, _ in found))} {'Sets that may not be passed on are counted below and shown as phantoms here. ' if any(case.real and not case.showable for case, *_ in found) else ''}The training saw abdomens only, as the paper's did. {local.words}",
    alt="Three rows, abdomen, thorax, head and neck: a slice, its superpixels, as many clusters of its embeddings, twelve clusters, and the organs.",
)
display(
    plots.small_table(
        [{"region": case.name} | fits for case, _, fits, _ in found],
        decimals=1,
        caption=f"Mean DSC (%) over the organs of the best segmentation made of whole clusters, equally many in a row; {len(found[0][0].images)} slices a region. {'' if any(case.real for case, *_ in found) else 'Phantoms: no evidence.'}",
    )
)

# %% [markdown]
# ## Slice by slice
#
# First a thorax phantom that no training has seen, segmented by a local branch of minutes: to be looked at, not judged. Then head and neck, with optic nerves and chiasm.

# %% tags=["remove-input"]
short = branch(short_config(profile, seed), store)


def phantoms(region, **fields):
    """A set of phantoms; the first volume is shown."""
    return CtConfig(region=region, source="phantom", slices=8 if small else 24, **fields)


few = (1,) if small else (4,)
tuning = OrganConfig(
    data=phantoms(
        "thorax", size=short.config.data.size, volumes=4 if small else 8, seed=seed + 1, budgets=few
    ),
    budget=few[0],
    base=1,
    backbone="none",
    local_base=short.config.base,
    features=short.config.features,
    steps=4 if small else 120,
    validate_every=4 if small else 40,
    batch=3 if small else 6,
    learning_rate=5e-3,
    loss="dice+ce",
    draw="organs",
    schedule="cosine",
    local=short.config,
    seed=seed,
)
record = ensure(tuning, store, device="cpu", weights=True)
bank = slice_bank(tuning.data)
tested = bank.part("test")[0]
net = organ_network(tuning, bank, None, short.net.state_dict())
net.load_state_dict(checkpoint.load(store.weights(tuning))[0])
predicted = segment(
    net.eval(),
    Feed(bank.images, torch.device("cpu")),
    np.arange(tested.first, tested.first + tested.count),
)
dsc = next(one["dsc"] for one in record["volumes"] if one["id"] == tested.id)
slice_viewer(
    stack_of(
        bank,
        tested.id,
        prediction=predicted,
        regions=prepare_superpixels(bank, short.config.superpixels, workers=1),
        title=f"thorax phantom {tested.id}",
    ),
    shown=("reference", "prediction"),
    caption=f"Thorax phantom, {tuning.data.size} px: the reference filled, the prediction outlined. The local branch alone, fine-tuned on {tuning.budget} volumes for {tuning.steps} steps; mean DSC {np.mean([one for one in dsc if one is not None]):.2f}.",
)

# %% tags=["remove-input"]
bank = slice_bank(
    phantoms("head_neck", size=32 if small else 96, volumes=1, seed=seed, budgets=(1,))
)
slice_viewer(
    stack_of(
        bank,
        bank.volumes[0].id,
        regions=prepare_superpixels(bank, short.config.superpixels, workers=1),
        title="head and neck phantom",
    ),
    caption=f"Head and neck phantom, {bank.images.shape[-1]} px, {len(bank.organs)} organs, HU window {bank.window[0]} to {bank.window[1]}.",
)

# %% [markdown]
# In a running notebook the same viewer opens any bank of CT slices ({doc}`demo_localization` says what JupyterLab needs):
#
# ```python
# from ldl.data.ct import ct_bank
# from ldl.widgets.live import SliceWidget
#
# SliceWidget(ct_bank("abdomen", "btcv", size=128))  # predictions={"case01": labels}
# ```
