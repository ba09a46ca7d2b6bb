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
# # Localized region contrast
#
# Localized Region Contrast (LRC) {cite}`yan2023lrc` sets a second network beside a globally pretrained encoder: superpixels divide a CT slice, the slice is bent, and a U-Net must recognise every region in the bent slice. What that is
# worth beyond the second network itself, {doc}`lrc_table1` asks. No code of the paper is public; the last table lists what else it leaves open.

# %% tags=["parameters", "remove-input"]
profile: str = "demo"
seed: int = 0

# %% tags=["remove-input"]
import math

import numpy as np
import pandas as pd
import torch
from IPython.display import Markdown, display

from ldl import plots, report
from ldl.book.parameters import check
from ldl.data.ct import pretraining_rows, slice_bank
from ldl.data.elastic import Elastic, draw_elastic
from ldl.data.superpixels import quality, superpixels
from ldl.engine.store import RunStore
from ldl.losses import local_region
from ldl.losses.local_region import (
    SMALLEST,
    local_region_contrast,
    sampled_means,
    shared_regions,
    whole_means,
)
from ldl.models.backbones import LocalEncoder
from ldl.models.organ_net import OrganNet, parameters_by_part
from ldl.report.lrc import (
    TITLES,
    branch,
    embeddings,
    fullest,
    phantom_case,
    real_case,
    short_config,
    superpixel_maps,
)
from ldl.rng import generator, seed_everything
from ldl.runs.lrc import ElasticConfig, SuperpixelConfig
from ldl.tables.measure import show
from ldl.tasks import REGIONS

check("method_lrc", globals())
seed_everything(seed)
small = profile == "smoke"
side = 64 if small else 128

# %% [markdown]
# ## Regions: Felzenszwalb's algorithm
#
# Neighbouring pixels are joined as long as the step between two parts is no larger than the steps within them, plus a tolerance `scale` / size {cite}`felzenszwalb2004superpixels`. The air around the patient, and the table in it, belong
# to no region.

# %% tags=["remove-input"]
plots.source(superpixels)

# %% tags=["remove-input"]
chosen = SuperpixelConfig()
assert (chosen.scale, chosen.sigma, chosen.air) == (20, 0.5, 4)
assert (chosen.smallest(128, 128), chosen.smallest(384, 384)) == (8, 24)
shown = [phantom_case(region, size=side, count=4 if small else 12, seed=seed) for region in REGIONS]
rows = []
for one in map(fullest, shown):
    regions = superpixel_maps(one.images)[0]
    rows.append(
        [
            plots.outlined(one.images[0], np.zeros_like(regions)),
            plots.outlined(one.images[0], regions),
            plots.region_colours(regions),
            plots.region_colours(one.labels[0].astype(int) - 1),
        ]
    )
plots.show(
    plots.image_grid(
        rows,
        titles=["slice", "borders of its superpixels", "superpixels", "organs"],
        row_titles=[TITLES[one.region] for one in shown],
        width=1.9,
    ),
    caption=f"A slice of each region, {side} × {side} pixels. Colours only tell neighbours apart. Phantoms.",
    alt="Three rows, abdomen, thorax, head and neck: a CT phantom slice, outlines of its superpixels, the superpixels and the organs in colours.",
)

# %% [markdown]
# A superpixel that holds two organs teaches that they are the same. *Merged* is the share of an organ's pixels in regions that hold more of another organ.

# %% tags=["remove-input"]
studied = list(shown)
if profile == "open":
    studied += [found for region in REGIONS if (found := real_case(region, size=side, count=12))]
scales = (20.0, 200.0) if small else (10.0, 20.0, 50.0, 200.0)


def fit(case, scale):
    """How superpixels of this scale fit the organs, for a cell."""
    found = quality(
        superpixel_maps(case.images, SuperpixelConfig(scale=scale)), case.labels, len(case.organs)
    )
    merged = f"{100 * np.nanmean(found.merged):.1f}"
    return (
        f"{f'<b>{merged}</b>' if scale == chosen.scale else merged}"
        f"<br><small>{found.regions:.0f}, {np.nanmean(found.dice):.2f}</small>"
    )


plots.small_table(
    [
        {"slices": case.name} | {f"scale {scale:g}": fit(case, scale) for scale in scales}
        for case in studied
    ],
    caption=f"Merged (%), mean over the organs; below, regions a slice and the DSC of whole regions. {side} px, {len(shown[0].images)} slices a row. Bold: the scale used here. "
    + ("Real CT is a stand-in for the paper's sets." if len(studied) > 3 else "Phantoms."),
)

# %% [markdown]
# The scale is the largest of 10 to 50 that merges less than a tenth of the organs' pixels on real CT. Such regions split an organ into several, and the loss pushes them apart.
#
# ## The elastic transform: one for image and regions
#
# ```{admonition} The paper says
# :class: note paper
# "We then perform elastic transform for both the query image $x_q$ and its local regions $R_q$ ... $K_q = K_p$ always holds since $R_p$ is a one-to-one mapping from $R_q$."
# ```

# %% tags=["remove-input"]
plots.source(Elastic.images, Elastic.regions)

# %% tags=["remove-input"]
elastic = ElasticConfig()
assert (elastic.cells, elastic.strength, SMALLEST) == (6, 0.06, 4)
images, maps = shown[0].images, superpixel_maps(shown[0].images)
view = draw_elastic(
    torch.from_numpy(images).float() / 255,
    torch.from_numpy(maps),
    elastic,
    generator(seed, "elastic", "chapter"),
)
after = view.regions.numpy()
moved = view.elastic.displacement(side, side)
right, down = moved.diff(dim=3)[:, :, :-1], moved.diff(dim=2)[..., :-1]
area = (1 + right[:, 0]) * (1 + down[:, 1]) - down[:, 0] * right[:, 1]
assert area.min() > 0, "a fold"
middle = len(maps) // 2
plots.show(
    plots.image_grid(
        [
            [
                plots.outlined(images[middle], maps[middle]),
                plots.outlined(view.images.numpy()[middle], after[middle]),
                plots.region_colours(maps[middle]),
                plots.region_colours(after[middle]),
                plots.heat(
                    moved[middle].norm(dim=0).numpy() / (elastic.strength * side), 0, math.sqrt(2)
                ),
            ]
        ],
        titles=["$x_q$", "$x_p$", "$R_q$", "$R_p$", "displacement"],
        width=1.6,
    ),
    caption=f"A slice and its elastic transform; a region keeps its colour. Right: the displacement, light the largest allowed ({elastic.strength:.0%} of the side along each axis). Abdomen phantom, seed {seed}.",
    alt="A CT phantom slice, the same gently bent, the superpixels of both in matching colours, and how far each pixel moved.",
)


# %% tags=["remove-input"]
def sizes(one, count):
    """Pixels of each of ``count`` regions."""
    return np.bincount(one[one >= 0], minlength=count)


pairs = [
    (sizes(one, one.max() + 1), sizes(other, one.max() + 1))
    for one, other in zip(maps, after, strict=True)
]
before, later = (np.concatenate(each) for each in zip(*pairs, strict=True))
contrasted = int(shared_regions(torch.from_numpy(maps), view.regions, SMALLEST).present.sum())
assert len(before) - (np.minimum(before, later) < SMALLEST).sum() == contrasted
Markdown(
    f"Areas change by factors of {area.min():.2f} to {area.max():.2f}. Of {len(before):,} regions in {len(maps)} slices {(later == 0).sum()} vanish, and {contrasted:,} have {SMALLEST} pixels or more in both views."
)

# %% [markdown]
# ```{admonition} We deviate
# :class: warning deviation
# A region with fewer than four pixels in either view is left out of both, so that $K_q = K_p$ again. The transform is a cubic B-spline whose random control points move by less than could fold it.
# ```
#
# ## The local loss
#
# $f_q^k$ and $f_p^k$ are means of $N$ feature vectors drawn from region $k$ in the two views:
#
# $$
# L_l = - \sum_{k_1 = 1}^{K} \log \frac{e^{f_q^{k_1} \cdot f_p^{k_1} / \tau_l}}{\sum_{k_2 = 1}^{K} e^{f_q^{k_1} \cdot f_q^{k_2} / \tau_l} + e^{f_q^{k_1} \cdot f_p^{k_2} / \tau_l}}
# \tag{LRC}
# $$

# %% tags=["remove-input"]
plots.source(local_region_contrast, local_region._costs)

# %% [markdown]
# ```{admonition} We deviate
# :class: warning deviation
# As printed, the sum over $k_2$ holds the product of $f_q^{k_1}$ with itself, where the text takes negatives "from the rest of the local regions". `formulation="paper"` (the default) is as printed, `"distinct"` leaves the self product out.
# Means are unit vectors here; the paper says only "dot product".
# ```
#
# ```{admonition} By hand
# :class: hint by-hand
# If all $K$ regions are orthogonal and the views agree, the printed loss is $\log\bigl(2 + 2 (K - 1)\, e^{-1/\tau}\bigr)$, the distinct one $\log\bigl(1 + 2 (K - 1)\, e^{-1/\tau}\bigr)$; if all look the same, $\log 2K$ and $\log (2K - 1)$.
# ```

# %%
K, tau = 4, 0.1


def loss(query, positive, formulation):
    """The loss of K regions of one pixel each, in float64: (K, D) vectors of both views."""
    ids = torch.arange(len(query)).view(1, 1, -1)
    return local_region_contrast(
        query.T[None, :, None],
        positive.T[None, :, None],
        ids,
        ids,
        samples=None,
        temperature=tau,
        formulation=formulation,
        generator=None,
        smallest=1,
    ).item()


agreed = torch.eye(K, dtype=torch.float64)
same = torch.ones(K, K, dtype=torch.float64)
rest = 2 * (K - 1) * math.exp(-1 / tau)
assert math.isclose(loss(agreed, agreed, "paper"), math.log(2 + rest), rel_tol=1e-9)
assert math.isclose(loss(agreed, agreed, "distinct"), math.log(1 + rest), rel_tol=1e-9)
assert math.isclose(loss(same, same, "paper"), math.log(2 * K), rel_tol=1e-9)
assert math.isclose(loss(same, same, "distinct"), math.log(2 * K - 1), rel_tol=1e-9)
{name: (loss(agreed, agreed, name), loss(same, same, name)) for name in ("paper", "distinct")}

# %% tags=["remove-input"]
floor = min(
    loss(agreed, agreed, "paper"),
    *(
        loss(*torch.randn(2, K, K, dtype=torch.float64, generator=generator(seed, n)), "paper")
        for n in range(200)
    ),
)
assert floor >= math.log(2)

# %% [markdown]
# The printed loss never falls below $\log 2$: the self product only shrinks the gradient of regions that are recognised already.
#
# ## N vectors or all of them
#
# ```{admonition} The paper says
# :class: note paper
# $N = 50$ vectors are drawn with replacement; "when the number of samples N is large, the sampling bias can be high, since the number of pixels can be smaller than N" (Table 3).
# ```

# %% tags=["remove-input"]
plots.source(sampled_means)

# %% tags=["remove-input"]
store = RunStore()
local = branch(short_config(profile, seed), store)
slices = phantom_case("abdomen", size=local.config.data.size, count=4, seed=seed)
maps, repeats = superpixel_maps(slices.images), 10 if small else 40
values, ids = (
    torch.from_numpy(embeddings(local.net, slices.images)).double(),
    torch.from_numpy(maps),
)
slots = shared_regions(ids, ids, SMALLEST)
count, there = slots.present.shape[1], slots.present
mean = whole_means(values, slots.first, count)
spread = (whole_means(values**2, slots.first, count) - mean**2).sum(dim=2)[there].mean()
pixels = np.concatenate([sizes(one, one.max() + 1) for one in maps])
lines = []
for number in (1, 10, 50, 100, 200):
    draw = generator(seed, "draws", number)
    tries = torch.stack(
        [sampled_means(values, slots.first, count, number, draw) for _ in range(repeats)]
    )
    error = (((tries - mean) ** 2).sum(dim=3)[:, there].mean() / spread).sqrt().item()
    bias = (((tries.mean(dim=0) - mean) ** 2).sum(dim=2)[there].mean() / spread).sqrt().item()
    assert math.isclose(error, number**-0.5, rel_tol=0.2)
    lines.append(
        {
            "N": number,
            "distance to the region's mean": error,
            "1/√N": number**-0.5,
            "of the mean of all draws": bias,
            "regions with fewer pixels (%)": f"{100 * (pixels < number).mean():.0f}",
        }
    )
plots.small_table(
    lines,
    caption="Root mean square distance from the mean of N draws to that of all pixels of a region, in units of the spread of its vectors; the same for the mean of "
    f"{repeats} such draws, which tends to 0 without bias. {len(pixels)} superpixels of four abdomen phantoms, median {np.median(pixels):.0f} pixels. {local.words}",
    decimals=3,
)

# %% [markdown]
# The distances follow $1/\sqrt N$: the mean of draws with replacement is unbiased for every $N$, and what $N$ changes is noise. A best $N$ in between ({doc}`lrc_table3`) is no bias of the sampling.
#
# ## The networks
#
# ```{admonition} The paper says
# :class: note paper
# A U-Net "variant", $E_l + D_l$, with $D = 64$ channels at full resolution, is pretrained as a whole. For fine-tuning a decoder $D_g$ joins the global encoder $E_g$; the last maps of both are concatenated, and all is trained by Dice loss.
# ```

# %% tags=["remove-input"]
plots.source(OrganNet)

# %% tags=["remove-input"]
BASE, ORGANS = 64, 11  # published widths; organs of ABD-110
with torch.device("meta"):  # counted, not allocated
    nets = {
        label: OrganNet(backbone, BASE, ORGANS, local)
        for label, backbone, local in (
            ("ResNet-50, without LRC", "resnet50", 0),
            ("ResNet-50 + LRC", "resnet50", BASE),
            ("LRC only", "none", BASE),
        )
    }
    by_moco = sum(one.numel() for one in LocalEncoder(BASE, 1).parameters())
counted = {label: parameters_by_part(net) for label, net in nets.items()}
plots.small_table(
    [
        {"network": label}
        | {
            part.replace("_g", "<sub>g</sub>").replace("_l", "<sub>l</sub>"): f"{one / 1e6:.2f}"
            if one
            else "–"
            for part, one in parts.items()
        }
        | {"all": f"{sum(parts.values()) / 1e6:.2f}"}
        for label, parts in counted.items()
    ],
    caption="Trainable parameters in millions at the published widths, 11 organs.",
)

# %% tags=["remove-input"]
without, with_ = (sum(counted[label].values()) for label in list(counted)[:2])
branch_size = counted["LRC only"]["E_l"] + counted["LRC only"]["D_l"]
Markdown(
    f"LRC adds {(with_ - without) / 1e6:.1f} million parameters to {without / 1e6:.1f}. MoCo in its place trains the encoder only, {by_moco / branch_size:.0%} of the branch."
)

# %% [markdown]
# ```{admonition} We do
# :class: tip ours
# The paper's control is the same network pretrained by MoCo ({doc}`lrc_table2`); ours is the same untrained ({doc}`lrc_table1`). Background is a class of the loss, and a weighted cross-entropy stands beside the Dice, but under `paper`:
# without them an organ may become the background.
# ```
#
# ## A short pretraining

# %% tags=["remove-input"]
record = local.record
history = pd.DataFrame(
    {"step": range(1, len(record["losses"]["local"]) + 1), "local": record["losses"]["local"]}
)
plots.show(
    plots.loss_curves(history),
    caption=f"The local loss, every step and a running mean. {local.words} The paper trains for 30 epochs.",
    alt="The local loss falls over the steps.",
)

# %% tags=["remove-input"]
watched = len(pretraining_rows(slice_bank(local.config.data), local.config.part)[1])
Markdown(
    f"From {history['local'].iloc[0]:.2f} to {history['local'].tail(5).mean():.2f} (the floor is 0.69). On held-out volumes {100 * record['retrieval']:.1f} % of {record['retrieval_among']:,} regions find themselves in the bent slice, "
    f"{100 * record['retrieval_before']:.1f} % before the first step, {100 * watched / max(1, record['retrieval_among']):.1f} % by chance: regions move by a few pixels and keep their grey values."
)

# %% [markdown]
# ## What the features say of organs
#
# A linear read-out of a frozen network's maps names every pixel, before any fine-tuning. A network at random passes grey values on; *normalised*, as in training, it has taken up the data's statistics.

# %% tags=["remove-input"]
WHEN = {"start": "at random", "settled": "normalised", "score": "trained"}
read = {name: show("lrc_probe", "open", store, name) for name in (*WHEN, "gain")}
column = read["gain"].table.columns(read["gain"].profile)[0].key
named = {
    row.label: {name: one.cells[row.key, column] for name, one in read.items()}
    for row in read["gain"].table.rows(read["gain"].profile)
    if (row.key, column) in read["gain"].cells
}


def above(side):
    """Labels of the rows whose gain lies on that side of zero with its whole interval."""
    there = [name for name, one in named.items() if min(side * x for x in one["gain"].interval) > 0]
    return ", ".join(there) or "none"


if named:
    first = next(iter(named.values()))["gain"]
    display(
        plots.small_table(
            [
                {"pretraining": name}
                | {title: one[key].value for key, title in WHEN.items()}
                | {
                    "gain": f"{report.signed(one['gain'].value)}<br><small>{' to '.join(map(report.signed, one['gain'].interval))}</small>"
                }
                for name, one in named.items()
            ],
            decimals=1,
            caption=f"Pixels named right on real CT in {first.cases} held-out volumes, mean over background and organs, in per cent (by chance {100 / len(first.records[0]['organs']):.0f}); gain: trained minus at random, seed 0, 95 % interval over volumes. "
            "Larger superpixels: four times the least size. Harder pairs: no self product, other grey values, stronger bending, turns, shifts.",
        )
    )
pretexts = [
    row.label for row in read["gain"].table.rows(read["gain"].profile) if row.key.startswith("lrc")
]
best = max(
    (name for name in pretexts if name in named),
    key=lambda name: named[name]["score"].value,
    default="",
)
Markdown(
    f"Trained networks that say more than their random start: {above(1)}. Less: {above(-1)}. Of LRC's pretexts the most is said by *{best}*."
    if named
    else "Not yet run: `ldl run lrc_probe --profile open`."
)

# %% [markdown]
# ## The other choices

# %% tags=["remove-input"]
config, say = local.config, plots.words
plots.small_table(
    [
        {"choice": what, "the paper": say(paper), "ours": say(mine)}
        for what, paper, mine in (
            (
                "spacing",
                "2.5 × 1.0 × 1.0 mm",
                "the same under `paper`; else the whole field in fewer pixels",
            ),
            ("intensities", "not said", "one HU window a region, 8 bits"),
            (
                "superpixels",
                "Felzenszwalb, parameters not said",
                f"scale {chosen.scale:g}, sigma {chosen.sigma:g}, least size side / 16",
            ),
            (
                "elastic transform",
                "strength not said",
                f"{elastic.cells} cells, at most {elastic.strength:.0%} of the side",
            ),
            ("temperature τ<sub>l</sub>", "not said", f"{config.temperature:g}"),
            ("reduction", "sum over regions", "mean over regions and images"),
            (
                "local network",
                "U-Net variant, 64 channels out",
                "U-Net, batch normalisation, last convolution linear",
            ),
            (
                "optimiser",
                "Adam (local), SGD (global); momentum 0.9, weight decay 1e-4",
                f"the same under `open` and `paper`, weight decay {config.weight_decay:g}",
            ),
            (
                "pretraining set",
                "Abdomen-1K for all three regions",
                "the abdomen set at hand for all three",
            ),
            (
                "head",
                "not said",
                "normalisation, ReLU, 1 × 1 convolution, softmax",
            ),
        )
    ],
    caption="What else the paper leaves open, and what is done here.",
)
