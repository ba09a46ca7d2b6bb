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
# # LRC Figure 3: superpixels and embeddings
#
# ```{admonition} The paper says
# :class: note paper
# Superpixels beside features of the same slices: "LRC learns informative semantic feature representations that can be effectively clustered using a simple K-Means algorithm" (section 3.6, Figure 3)
# {cite}`yan2023lrc`.
# ```
#
# Two questions: what do such clusters look like, and did the training put anything into them that the grey values, or the network before its training, did not have?

# %% tags=["parameters", "remove-input"]
profile: str = "demo"
seed: int = 0

# %% tags=["remove-input"]
import numpy as np
import pandas as pd
from IPython.display import Markdown
from scipy.cluster.vq import kmeans2

from ldl import plots
from ldl.book.parameters import check
from ldl.data.superpixels import achievable_dice, overlap
from ldl.engine.store import RunStore
from ldl.report.branch import embeddings, tables_branch
from ldl.report.cases import TITLES, fullest, phantom_case, real_case, superpixel_maps
from ldl.rng import numpy_generator
from ldl.tasks import REGIONS

check("lrc_figure3", globals())
small = profile == "smoke"
FEW, ROUNDS = 12, 30  # clusters of the coarse map; of k-means
UNSEEN = 10_000  # added to the seed: phantoms that no training draws
local = tables_branch(profile, RunStore(), seed)


# %% tags=["remove-input"]
def grouped(vectors, count):
    """(n, D) -> (n,) cluster numbers by k-means with k-means++ starts."""
    count = min(count, len(np.unique(vectors, axis=0)))
    draw = numpy_generator(seed, "k-means")
    return kmeans2(vectors.astype(float), count, iter=ROUNDS, minit="++", seed=draw)[1]


assert (grouped(np.ones((9, 2)), 3) == 0).all()


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
    return float(np.nanmean(achievable_dice(overlap(maps, case.labels, len(case.organs) + 1))[1:]))


def region(name):
    """One slice to show, and how the maps of several fit the organs."""
    size, count = local.config.data.size, 3 if small else 6
    drawn = phantom_case(name, size=size, count=count, seed=seed + UNSEEN)
    case = (real_case(name, size=size, count=count) if profile == "open" else None) or drawn
    regions = superpixel_maps(case.images)
    parts, body = round(float((regions.max(axis=(1, 2)) + 1).mean())), regions >= 0
    values = {
        "embeddings": directions(local.net, case.images),
        "embeddings, untrained": directions(local.start, case.images),
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
    return {
        "name": case.name,
        "case": one,
        "fits": fits,
        "slices": len(case.images),
        "maps": (own[0], many, few),
    }


rows = [region(name) for name in REGIONS]
plots.show(
    plots.image_grid(
        [
            [
                plots.outlined(one["case"].images[0], one["maps"][0] * 0),
                *map(plots.region_colours, one["maps"]),
                plots.region_colours(one["case"].labels[0].astype(int) - 1),
            ]
            for one in rows
        ],
        titles=["slice", "superpixels", "k-means, as many", f"k-means, {FEW}", "organs"],
        row_titles=[TITLES[one["case"].region] for one in rows],
        width=1.6,
    ),
    caption="Superpixels beside k-means of the pixel embeddings of <i>E<sub>l</sub> + D<sub>l</sub></i>, one slice of each region; colours have no meaning from one picture to the next. "
    f"{' '.join(dict.fromkeys(one['case'].words for one in rows))} None of these volumes was trained on; the training saw abdomens only, as the paper's did. {local.words}",
    alt="Three rows, abdomen, thorax, head and neck: a slice, its superpixels in colours, as many clusters of its embeddings, twelve clusters, and the organs.",
)

# %% [markdown]
# ```{admonition} We do
# :class: tip ours
# Each slice is clustered by itself, unit embeddings of the pixels inside the body. The paper's number of clusters is not given: we show as many as there are superpixels, and a few. k-means does not know where
# a pixel lies, so pieces of one colour may lie apart.
# ```
#
# For a number, let every cluster take the label that most of its pixels have: the DSC of the best segmentation made of whole clusters. It is high for many small parts whatever they are, so all maps of a row
# have equally many.

# %% tags=["remove-input"]
table = pd.DataFrame([{"region": one["name"], **one["fits"]} for one in rows]).set_index("region")
table.index.name = None
real = any("real" in one["name"] for one in rows)
plots.scrolling(
    plots.styled(table),
    f"Mean DSC over the organs of segmentations made of whole parts; {rows[0]['slices']} slices a region, {local.config.data.size} px, seed {seed}. "
    + (
        "Slices of sets that may not be passed on are counted, not shown."
        if real
        else "Phantoms: no evidence about the paper."
    ),
)

# %% tags=["remove-input"]
ahead = {
    kind: sum(one["fits"]["embeddings"] > one["fits"][kind] for one in rows)
    for kind in table.columns
}
Markdown(
    f"Clusters of the trained embeddings fit the organs better than those of the untrained network in {ahead['embeddings, untrained']} of {len(rows)} regions, better than clusters of plain grey values in "
    f"{ahead['grey values']}, better than the superpixels that taught them in {ahead['superpixels']}."
)

# %% [markdown]
# Whether a cluster *means* an organ, this cannot show. The contrast tells regions of one slice apart: two halves of the liver are negatives of each other, and nothing asks that the liver of two patients look
# alike.
