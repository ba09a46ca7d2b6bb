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
# A segmentation needs features of small regions, and methods that compare whole images do not ask for them. Localized Region Contrast (LRC) {cite}`yan2023lrc` adds a second,
# local branch: the regions of a CT slice are found by an old algorithm without learning, the slice is bent, and a U-Net must recognise every region in the bent slice. For
# fine-tuning, the local branch stands beside any globally pretrained encoder.
#
# No code of the paper is public, so every choice that it leaves open is ours, and is said where it is made. This chapter goes from equation to number; {doc}`lrc_datasets` has the
# data, {doc}`lrc_figure3` and {doc}`lrc_slices` what is learned.

# %% tags=["parameters"]
profile: str = "demo"
seed: int = 0

# %% tags=["hide-input"]
import math

import numpy as np
import pandas as pd
import torch
from IPython.display import Markdown

from ldl import plots
from ldl.book.parameters import check
from ldl.data.ct import REGIONS
from ldl.data.elastic import Elastic, random_elastic
from ldl.data.superpixels import superpixels
from ldl.experiments.lrc import (
    cases,
    live,
    sampling_study,
    superpixel_study,
    transform_study,
    weights_study,
)
from ldl.losses import local_region
from ldl.losses.local_region import SMALLEST, local_region_contrast
from ldl.losses.region_pixels import sampled_means
from ldl.models.local_unet import LocalDecoder
from ldl.models.organ_net import OrganNet
from ldl.rng import generator, seed_everything
from ldl.runs.lrc import ElasticConfig, SuperpixelConfig

check("method_lrc", globals())
seed_everything(seed)
small = profile == "smoke"
side = 64 if small else 128

# %% [markdown]
# ## Two contrasts
#
# ```{admonition} The paper says
# :class: note paper
# The global branch pulls an image $x_q$ and its elastic transform $x_p$ together and pushes the other images of the batch away (InfoNCE, as MoCo; section 2.1):
# $L_g = -\log \frac{\exp(z_q \cdot z_p / \tau_g)}{\sum_{i=1}^{B} \exp(z_q \cdot z_i / \tau_g)}$. The local branch never compares two images: positives and negatives come from $x_q$
# and $x_p$ alone.
# ```
#
# ```{admonition} We do
# :class: tip ours
# The global branch is any method of {doc}`method_family`, trained on CT slices as that method is defined, with its own views. The rest of this chapter is the local branch.
# ```
#
# ## Regions: Felzenszwalb's algorithm
#
# ```{admonition} The paper says
# :class: note paper
# "For an input image $x$, Felzenszwalb's algorithm provides $K$ local regions $R = \{r_1, \dots, r_K\}$" {cite}`felzenszwalb2004superpixels`. None of its parameters is given.
# ```
#
# The algorithm joins neighbouring pixels as long as the step between two parts is no larger than the steps within them, plus a tolerance `scale` / size. A larger `scale` gives larger regions.

# %%
plots.source(superpixels)

# %% [markdown]
# ```{admonition} We do
# :class: tip ours
# `scale` 20 on grey levels 0 to 255, a Gaussian of half a pixel first, and regions of at least a sixteenth of the slice's side in pixels (8 at 128, 24 at 384). Pixels darker than 5 that are connected
# with the slice's edge lie outside the body and belong to no region, and so do islands in them, such as the table: else the air around the patient would be the largest and easiest region. Air inside
# (lungs, bowel) stays.
# ```

# %% tags=["hide-input"]
chosen = SuperpixelConfig()
assert (chosen.scale, chosen.sigma, chosen.air) == (20, 0.5, 4)
assert (chosen.smallest(128, 128), chosen.smallest(384, 384)) == (8, 24)
shown = cases.phantom_cases(size=side, count=4 if small else 12, seed=seed)
rows = []
for each in shown:
    one = cases.fullest(each)
    regions = superpixel_study.maps_of(one.images)[0]
    organs = one.labels[0].astype(int) - 1
    rows.append(
        [
            plots.outlined(one.images[0], np.zeros_like(regions)),
            plots.outlined(one.images[0], regions),
            plots.region_colours(regions),
            plots.region_colours(organs),
        ]
    )
plots.show(
    plots.image_grid(
        rows,
        titles=["slice", "borders of its superpixels", "superpixels", "organs"],
        row_titles=[cases.TITLES[one.region] for one in shown],
        width=1.9,
    ),
    caption=f"Superpixels of one slice of each region, {side} × {side} pixels, and the organs that the paper reports there. Colours only tell neighbours apart. Phantoms.",
    alt="Three rows, abdomen, thorax, head and neck: a CT phantom slice, the same with thin outlines of its superpixels, the superpixels in colours, and the organs in colours.",
)

# %% [markdown]
# ### Are organs merged?
#
# A superpixel that holds two organs teaches the network that they are the same. We count, on labelled slices, the share of an organ's pixels that lie in regions which hold more of
# *another* organ; what DSC a segmentation made of whole regions could reach; and how much regions leak across organ borders (undersegmentation error, as a share of the organ).

# %% tags=["hide-input"]
studied = list(shown)
absent = []
if profile == "open":
    for name in REGIONS:
        found = cases.real_case(name, size=side, count=12)
        studied.append(found) if found else absent.append(cases.TITLES[name])
scales = superpixel_study.SCALES[1::2] if small else superpixel_study.SCALES
grid = [
    superpixel_study.quality(case, SuperpixelConfig(scale=scale))
    for case in studied
    for scale in scales
]
table = pd.DataFrame(
    [
        {
            "slices": one.name,
            "scale": f"<b>{one.scale:g}</b>" if one.scale == chosen.scale else f"{one.scale:g}",
            "regions a slice": f"{one.regions:.0f}",
            "merged (%)": f"{100 * one.merged:.1f}",
            "DSC of whole regions": one.dice,
            "leak": one.leak,
            "most merged": plots.prose(f"{one.worst[0]}, {100 * one.worst[1]:.0f} %"),
        }
        for one in grid
    ]
).set_index("slices")
table.index.name = None
plots.scrolling(
    plots.styled(table),
    f"Superpixels against organ labels, {side} px, means over the organs; {len(shown[0].images)} slices a row. Bold: the scale that everything here uses. "
    + ("Real CT is a stand-in for the paper's sets." if len(studied) > 3 else "Phantoms.")
    + (f" Not at hand: real CT of {', '.join(absent)}." if absent else ""),
)

# %% tags=["hide-input"]
ours = [one for one in grid if one.scale == chosen.scale]
worst = max(ours, key=lambda one: one.merged)
largest = max((one for one in grid if one.scale == max(scales)), key=lambda one: one.merged)
Markdown(
    f"At scale {chosen.scale:g} at most {100 * worst.merged:.1f} % of organ pixels are merged into another organ (mean over the organs; {worst.name}), at scale {max(scales):g} up to "
    f"{100 * largest.merged:.1f} % ({largest.name}). The organ that suffers most is the {worst.worst[0]}, with {100 * worst.worst[1]:.0f} %. Regions this small split an organ into several, which the loss then treats as different things: "
    f"{min(o.regions for o in ours):.0f} to {max(o.regions for o in ours):.0f} regions a slice stand against 6 to 11 organs. The scale was chosen on real CT (btcv, segthor and "
    "openkbp, 40 slices each) as the largest of 10 to 50 at which, from 128 pixels on, less than a tenth of the organs' pixels are merged; a real thorax at 64 pixels misses that at every scale."
)

# %% [markdown]
# ### 240,000 slices
#
# Regions are made once for every slice, in parallel, and kept with the slices; a run that is stopped goes on where it was (`ldl data prepare abdomen1k --superpixels`).

# %% tags=["hide-input"]
costs = superpixel_study.costs(small=small, seed=seed)
plots.small_table(
    [
        {
            "slice": f"{one.size} × {one.size}",
            "s a slice and core": f"{one.seconds:.3f}",
            "slices": f"{superpixel_study.PRETRAINING_SLICES:,}",
            f"hours on {superpixel_study.CORES} cores": one.hours,
        }
        for one in costs
    ],
    caption="Processor time of one slice (fastest of three abdomen phantoms), measured when this page was made, and what the paper's pretraining set would take, divided evenly over "
    f"{superpixel_study.CORES} such cores. {costs[-1].size} pixels "
    + ("is not the full size." if small else "at 1 mm are the abdomen's full field."),
)

# %% [markdown]
# ## The elastic transform: one for image and regions
#
# ```{admonition} The paper says
# :class: note paper
# "We then perform elastic transform for both the query image $x_q$ and its local regions $R_q$ ... $K_q = K_p$ always holds since $R_p$ is a one-to-one mapping from $R_q$."
# ```

# %%
plots.source(random_elastic, Elastic.images, Elastic.regions)

# %% tags=["hide-input"]
elastic = ElasticConfig()
abdomen = shown[0]
maps = superpixel_study.maps_of(abdomen.images)
bent = transform_study.bend(abdomen.images, maps, elastic, seed)
assert bent.squeezed[0] > 0, "a fold"
assert all(
    set(np.unique(b)) <= {-1, *np.unique(a)} for a, b in zip(maps, bent.regions, strict=True)
)
middle = len(maps) // 2
plots.show(
    plots.image_grid(
        [
            [
                plots.outlined(abdomen.images[middle], maps[middle]),
                plots.outlined(bent.images[middle], bent.regions[middle]),
                plots.region_colours(maps[middle]),
                plots.region_colours(bent.regions[middle]),
                plots.heat(bent.share[middle], 0, math.sqrt(2)),
            ]
        ],
        titles=["$x_q$", "$x_p$", "$R_q$", "$R_p$", "displacement"],
        width=1.6,
    ),
    caption=f"A slice and its elastic transform with the regions of both; a region keeps its number and so its colour. Right: length of the displacement, dark 0, light the largest allowed "
    f"({elastic.strength:.0%} of the side along each axis). Abdomen phantom, seed {seed}.",
    alt="A CT phantom slice and the same slice gently bent, the superpixels of both in matching colours, and a smooth map of how far each pixel moved.",
)

# %% tags=["hide-input"]
assert (elastic.cells, elastic.strength, SMALLEST) == (6, 0.06, 4)
Markdown(
    f"Here areas change by factors of {bent.squeezed[0]:.2f} to {bent.squeezed[1]:.2f}, and no new region number arises. Of {bent.before:,} regions in {len(maps)} slices {bent.vanished} vanish (they leave the "
    f"picture, or fall between pixels), {bent.small} have fewer than {SMALLEST} pixels in one of the views, and {bent.kept:,} are contrasted."
)

# %% [markdown]
# ```{admonition} We do
# :class: tip ours
# A cubic B-spline over 6 × 6 cells of random control points, each at most 6 % of the side away: less than the bound below which such a spline never folds. Image values are interpolated, region numbers are
# taken from the nearest pixel, by the same field on the same device.
# ```
#
# ```{admonition} We deviate
# :class: warning deviation
# A one-to-one mapping holds on paper, not on pixels. The rule: a region with fewer than four pixels in either view, those that vanished among them, is left out of both, so that $K_q = K_p$ again; a slice
# with fewer than two regions has nothing to contrast and is left out; where nothing is left the loss is 0.
# ```
#
# ## The local loss
#
# $f_q^k$ and $f_p^k$ are means of $N$ feature vectors drawn from region $k$ in the two views:
#
# $$
# L_l = - \sum_{k_1 = 1}^{K} \log \frac{\exp\bigl(f_q^{k_1} \cdot f_p^{k_1} / \tau_l\bigr)}{\sum_{k_2 = 1}^{K} \exp\bigl(f_q^{k_1} \cdot f_q^{k_2} / \tau_l\bigr) + \exp\bigl(f_q^{k_1} \cdot f_p^{k_2} / \tau_l\bigr)}
# \tag{LRC}
# $$

# %%
plots.source(local_region_contrast, local_region._costs)

# %% [markdown]
# ```{admonition} We deviate
# :class: warning deviation
# As printed, the sum over $k_2$ holds $k_2 = k_1$ too: the product of $f_q^{k_1}$ with itself. The text says that negatives come "from the rest of the local regions". `formulation="paper"`
# (the default) is the equation as printed, `"distinct"` leaves the self product out. We average over regions and images where the paper sums, project the means onto the unit sphere (the paper
# says only "dot product"; without it no temperature suits every stage), and use $\tau_l = 0.1$, for which the paper names no value.
# ```
#
# ```{admonition} By hand
# :class: hint by-hand
# Let all $K$ regions be orthogonal unit vectors and the two views agree. The right product is 1; of the others in the denominator the self product is 1 and $2(K - 1)$ are 0:
# the printed loss is $\log\bigl(2 + 2 (K - 1)\, e^{-1/\tau}\bigr)$, the distinct one $\log\bigl(1 + 2 (K - 1)\, e^{-1/\tau}\bigr)$. If all regions look the same, every term is equal:
# $\log 2K$ and $\log (2K - 1)$.
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

# %% [markdown]
# A small example with numbers. Three regions in the plane, at 0, 60 and 180 degrees; in the bent slice each is 20 degrees further; $\tau = 0.5$ to keep the numbers readable.

# %% tags=["hide-input"]
tau = 0.5
angles = torch.deg2rad(torch.tensor([0.0, 60.0, 180.0], dtype=torch.float64))
query = torch.stack([angles.cos(), angles.sin()], dim=1)
turned = angles + math.radians(20)
positive = torch.stack([turned.cos(), turned.sin()], dim=1)
within, across = query @ query.T, query @ positive.T
terms = []
for k in range(3):
    right = math.exp(across[k, k] / tau)
    everything = (within[k] / tau).exp().sum().item() + (across[k] / tau).exp().sum().item()
    own = math.exp(1 / tau)
    terms.append(
        {
            "region": f"k = {k + 1}",
            "exp(q·p/τ)": f"{right:.3f}",
            "sum as printed": f"{everything:.3f}",
            "self product": f"{own:.3f}",
            "−log, printed": f"{-math.log(right / everything):.3f}",
            "−log, distinct": f"{-math.log(right / (everything - own)):.3f}",
        }
    )
means = {name: loss(query, positive, name) for name in ("paper", "distinct")}
assert math.isclose(
    means["paper"], np.mean([float(t["−log, printed"]) for t in terms]), abs_tol=1e-3
)
assert math.isclose(
    means["distinct"], np.mean([float(t["−log, distinct"]) for t in terms]), abs_tol=1e-3
)
plots.small_table(
    terms,
    caption=f"Every number by hand; their means are the function's: {means['paper']:.3f} as printed, {means['distinct']:.3f} distinct.",
)

# %% tags=["hide-input"]
floor = min(
    loss(agreed, agreed, "paper"),
    *(
        loss(*torch.randn(2, K, K, dtype=torch.float64, generator=generator(seed, n)), "paper")
        for n in range(200)
    ),
)
assert floor >= math.log(2)

# %% [markdown]
# For unit vectors the self product is $e^{1/\tau}$, as large as any product can be. The printed loss can therefore never fall below $\log 2 \approx 0.693$, however well the regions are recognised: the self
# product always takes at least as much of the probability as the right answer. It pushes nothing by itself, since a unit vector's product with itself does not change; it only shrinks the gradient where little
# else is left in the sum, of regions that are recognised already.
#
# ## N vectors or all of them
#
# ```{admonition} The paper says
# :class: note paper
# $N = 50$ vectors are drawn uniformly, with replacement. With few of them a region is represented badly; "when the number of samples N is large, the sampling bias can be high, since the number of
# pixels can be smaller than N" (Table 3: N = 10, 50, 100).
# ```

# %%
plots.source(sampled_means)

# %% tags=["hide-input"]
net = live.live(live.live_config(profile, seed))
slices = cases.phantom_case("abdomen", size=net.config.data.size, count=4, seed=seed)
ids = superpixel_study.maps_of(slices.images)
values = live.features(net.done.net, torch.from_numpy(slices.images).float() / 255)
drawn = sampling_study.draws(values, ids, seed, repeats=10 if small else 40)
sizes = sampling_study.sizes(ids)
plots.small_table(
    [
        {
            "N": one.samples,
            "distance to the region's mean": one.error,
            "1/√N": one.expected,
            "of the mean of all draws": one.bias,
            "regions with fewer pixels (%)": f"{100 * (sizes < one.samples).mean():.0f}",
        }
        for one in drawn
    ],
    caption="Root mean square distance between the mean of N draws and the mean of all pixels of a region, in units of the spread of the region's own vectors; and the same for the mean of "
    f"{10 if small else 40} draws, which tends to 0 if there is no bias. {len(sizes)} superpixels of four abdomen phantoms, median {np.median(sizes):.0f} pixels. {net.words}",
    decimals=3,
)

# %% tags=["hide-input"]
off = max(abs(one.error / one.expected - 1) for one in drawn)
Markdown(
    f"The distances follow 1/√N within {100 * off:.1f} %, whether the region has more pixels than N or fewer: drawn with replacement, the mean of N vectors has the region's mean as its "
    "expectation for every N. What N changes is noise. So a reason for a best N in between, if Table 3 shows one, is not a bias of the sampling; our extension of that table adds "
    "N = 1, N = 200 and all pixels, the limit without noise."
)

# %% [markdown]
# Drawing is done for all regions of all images at once: pixels are sorted by region, and $N$ numbers a region point into its stretch of that list.
#
# ## The networks
#
# ```{admonition} The paper says
# :class: note paper
# A U-Net "variant", $E_l + D_l$, whose last layer has $D = 64$ channels at full resolution, is pretrained as a whole. For fine-tuning a decoder $D_g$ is appended to the global encoder $E_g$; the
# last feature maps of $D_g$ and $D_l$ are concatenated, and everything is trained end to end by Dice loss.
# ```

# %%
plots.source(LocalDecoder, OrganNet)

# %% tags=["hide-input"]
nets = weights_study.published(organs=11)
million = [
    {"network": one.label}
    | {
        part.replace("_g", "<sub>g</sub>").replace("_l", "<sub>l</sub>"): f"{count / 1e6:.2f}"
        if count
        else "–"
        for part, count in one.parts.items()
    }
    | {"all (million)": f"{one.total / 1e6:.2f}"}
    for one in nets
]
plots.small_table(
    million,
    caption="Trainable parameters in millions at the published widths (ResNet-50, ViT-Base, U-Net of 64 to 1,024 channels), 11 organs. The head joins the two maps of 64 channels.",
)

# %% tags=["hide-input"]
by = {one.label: one for one in nets}
lrc, control = by["ResNet-50 + LRC"], by["ResNet-50 + second network by MoCo"]
apart = abs(lrc.total - control.total) / lrc.total
assert apart < 0.02
share = weights_study.pretrained_share(weights_study.BASE)[1]
Markdown(
    f"LRC adds {(lrc.total - by['ResNet-50, without LRC'].total) / 1e6:.1f} million parameters to ResNet-50's {by['ResNet-50, without LRC'].total / 1e6:.1f}. Table 2 asks whether that alone "
    f"helps: in its control a second network of the same U-Net, pretrained by MoCo, stands in LRC's place. Our two differ by {100 * apart:.1f} % of their parameters (2 % are allowed); but MoCo pretrains "
    f"{share:.0%} of its branch, LRC all of it."
)

# %% [markdown]
# ```{admonition} We deviate
# :class: warning deviation
# MoCo compares whole images and so trains an encoder only; the second network's decoder starts at random. Equal in size, the two are not equal in what was pretrained. The paper does not say how its own
# control was made.
# ```
#
# ```{admonition} We do
# :class: tip ours
# $D_g$ is a U-Net decoder with the encoder's maps as skips (a ViT gets them from a small pyramid). The concatenated channels are normalised per batch before a 1 × 1 convolution, since the
# contrast leaves their scale open. "Without LRC" is $E_g + D_g$ with the same head and schedule.
# ```
#
# ## A short pretraining

# %% tags=["hide-input"]
history = pd.DataFrame(net.done.history.rows, columns=net.done.history.names)
history.insert(0, "step", np.arange(1, len(history) + 1))
mean_after = history["local"].tail(5).mean()
plots.show(
    plots.loss_curves(history[["step", "local"]]),
    caption=f"The local loss, every step and a running mean. {net.words} {len(history)} steps are a glimpse: the paper trains for 30 epochs.",
    alt="A curve of the local contrastive loss that falls over the steps.",
)

# %% tags=["hide-input"]
config = net.config
Markdown(
    f"From {history['local'].iloc[0]:.2f} at the first step to {mean_after:.2f} over the last five (the floor is 0.69). Asked on slices of volumes that were kept out, "
    f"{100 * net.done.retrieval:.1f} % of {net.done.among:,} regions find themselves in the bent slice, against {100 * net.done.retrieval_before:.1f} % before the first step and "
    f"{100 * net.chance:.1f} % by chance. "
    + (
        "The task is easy for regions in place: the transform moves a region by a few pixels, and its grey values stay as they are. What the features are worth for organs, only fine-tuning tells."
        if net.done.retrieval > 0.9
        else "This few steps do not yet solve the task."
    )
)

# %% [markdown]
# ## Every choice in one table

# %% tags=["hide-input"]
say = plots.words
plots.small_table(
    [
        {"choice": what, "the paper": say(paper), "ours": say(mine)}
        for what, paper, mine in (
            (
                "spacing",
                "2.5 × 1.0 × 1.0 mm",
                "the same at the full size; reduced profiles keep 2.5 mm between slices and the whole field, so pixels are larger",
            ),
            ("intensities", "not said", "one window of HU a region, as 8-bit grey"),
            (
                "superpixels",
                "Felzenszwalb, parameters not said",
                f"scale {chosen.scale:g}, sigma {chosen.sigma:g}, smallest region side / 16; no regions outside the body",
            ),
            (
                "elastic transform",
                "strength not said",
                f"cubic B-spline, {elastic.cells} cells, at most {elastic.strength:.0%} of the side",
            ),
            ("other augmentation", "none named for the local branch", "none"),
            (
                "region vector",
                "mean of N = 50 draws with replacement",
                f"the same, then a unit vector; regions under {SMALLEST} pixels in a view are left out",
            ),
            ("temperature τ<sub>l</sub>", "not said", f"{config.temperature:g}"),
            ("denominator", "with the self product", "as printed; without it as an option"),
            ("reduction", "sum over regions", "mean over regions and images"),
            (
                "local network",
                "U-Net variant, 64 channels out",
                "U-Net with batch normalisation, last convolution linear",
            ),
            (
                "optimiser",
                "Adam (local), SGD (global); momentum 0.9, weight decay 1e-4",
                f"Adam for both, weight decay {config.weight_decay:g}",
            ),
            (
                "pretraining set",
                "Abdomen-1K for all three regions",
                "the abdomen set at hand for all three regions",
            ),
            (
                "head",
                "not said",
                "normalisation, ReLU, 1 × 1 convolution, softmax over organs and background",
            ),
        )
    ],
    caption="What the paper leaves open, and what is done here.",
)

# %% [markdown]
# What fine-tuning makes of it stands in the tables of this part; which regions the embeddings themselves tell apart, in {doc}`lrc_figure3`.
