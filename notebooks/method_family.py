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
# # The family at a glance
#
# Patch and region discrimination stand in a family. All of its members show a network the same image twice and ask for what is the same; they differ in *what* they
# compare: whole images, pixels, patches, regions. This chapter lays them side by side, and looks at the same patch through the encoder of each.

# %% tags=["parameters"]
profile: str = "demo"
modality: str = "fundus"
seed: int = 0

# %% tags=["remove-input"]
import numpy as np
from IPython.display import Markdown, display
from matplotlib.patches import Rectangle

from ldl import plots
from ldl.book.parameters import check
from ldl.engine.profiles import profile_named
from ldl.engine.store import RunStore
from ldl.errors import DataError
from ldl.report import NOT_YET, family, learned, learned_words, patch_search, patches
from ldl.report import family_scene as scene
from ldl.report import networks as encoders
from ldl.report.words import BY_PAGE
from ldl.rng import numpy_generator
from ldl.tables.transfer import TABLE2

check("method_family", globals())
store = RunStore()
phantom = profile_named(profile).tasks.source == "phantom"

# %% [markdown]
# ## What is compared with what

# %% tags=["remove-input"]
by_page = profile if profile in BY_PAGE else "demo"
levels = scene.levels(encoders.pretrained("densecl", "fundus", profile=by_page, seed=seed), seed)
plots.show(
    plots.levels_figure(levels),
    caption="Phantoms, drawn by code. From above: two views of an image are one thing; a cell and the cell of the other view that looks most like it, chosen here by the "
    f"DenseCL encoder of profile {by_page}, are one, and other images stand against them as wholes; a patch and the same tissue in the other view are one, all other patches "
    "stand against it; a region is one wherever it occurs. Here the regions are the disc and the vessels as they were drawn; Rd finds regions of its own.",
    alt="Four rows of three fundus pictures: a view, its other view, another image. "
    + " ".join(
        f"Row {number}: {level.title.replace(chr(10), ' ')}."
        for number, level in enumerate(levels, 1)
    )
    + " Solid lines join what is the same, dashed lines what is told apart.",
)

# %% [markdown]
# Not all of them contrast. Supervised learns a grade, rotation prediction {cite}`gidaris2018rotation` a turn, relative location {cite}`doersch2015relative` a neighbour; BYOL {cite}`grill2020byol`
# and SimSiam {cite}`chen2021simsiam` predict one view from the other and have nothing to tell it apart from; Models Genesis {cite}`zhou2019genesis` and MAE {cite}`he2022mae` restore
# what was spoilt or hidden.
#
# ## All methods
#
# Computed from the classes themselves; {doc}`table2_comparison` has a section for each method of LDL's Table 2, with what was changed for our scale.

# %% tags=["remove-input"]
plots.small_table(
    [
        {
            "method": f"{member.title}<br><span style='font-weight:400;font-size:.85em'>{member.paper}</span>",
            "what it does": plots.prose(f"<b>{member.level}:</b> {member.idea}"),
            "beside the encoder": plots.prose(member.parts + (", labels" if member.labels else "")),
        }
        for member in family.members()
    ],
    caption="In bold: what is compared or predicted. Beside the encoder: what a method has while it is trained, as its network is built; of all that only the encoder is transferred.",
)

# %% [markdown]
# The papers, in that order: DenseCL {cite}`wang2021densecl`, EmbInva {cite}`ye2019embinva`, InstDisc {cite}`wu2018instdisc`, MoCo {cite}`he2020moco`, MoCo v2 {cite}`chen2020mocov2`,
# RotOri {cite}`li2021rotori`, SimCLR {cite}`chen2020simclr`, LDL {cite}`chen2021ldl`, LRC {cite}`yan2023lrc`, whose Table 1 has the others, and the ImageNet weights
# {cite}`russakovsky2015imagenet`.
#
# Each is one file: {download}`densecl.py <../../ldl/methods/densecl.py>`, {download}`embinva.py <../../ldl/methods/embinva.py>`, {download}`instdisc.py <../../ldl/methods/instdisc.py>`,
# {download}`moco.py <../../ldl/methods/moco.py>`, {download}`mocov2.py <../../ldl/methods/mocov2.py>`, {download}`rotori.py <../../ldl/methods/rotori.py>`,
# {download}`simclr.py <../../ldl/methods/simclr.py>`, {download}`supervised.py <../../ldl/methods/supervised.py>`, {download}`byol.py <../../ldl/methods/byol.py>`,
# {download}`simsiam.py <../../ldl/methods/simsiam.py>`, {download}`relative_location.py <../../ldl/methods/relative_location.py>`, {download}`rotation.py <../../ldl/methods/rotation.py>`,
# {download}`genesis.py <../../ldl/methods/genesis.py>`, {download}`mae.py <../../ldl/methods/mae.py>`, {download}`imagenet.py <../../ldl/methods/imagenet.py>`,
# {download}`start.py <../../ldl/methods/start.py>`, {download}`pd.py <../../ldl/methods/pd.py>`, {download}`pd_mix.py <../../ldl/methods/pd_mix.py>`, {download}`rd.py <../../ldl/methods/rd.py>`.
#
# ## The same patch under each encoder
#
# ```{admonition} We do
# :class: tip ours
# Every encoder is read in the same way. Its deepest map (a sixteenth of the image's side, the map on which the losses of all comparison methods act) is brought to 8 × 8 cells by
# bilinear interpolation; a patch is a cell, its vector the unit vector there, and near means a large cosine. Pd, Pd+mix and Rd were trained with a decoder behind the
# encoder, which is left out here as it is left out of a transfer.
# ```

# %%
plots.source(patch_search.cell_maps)


# %% tags=["remove-input"]
def of_table2(kind, name):
    """The encoders of Table 2's rows for one modality, by label; the untrained one first."""
    keys = [
        row.variant.method
        for row in TABLE2.rows(profile_named(profile))
        if row.variant.method != "scratch"
    ]
    if kind == "xray":
        keys.remove("supervised")
    configs = {key: encoders.config_of(key, kind, name, seed) for key in keys}
    if name in BY_PAGE:
        found = {key: encoders.load(config, store) for key, config in configs.items()}
    else:
        found = {key: encoders.at_hand(config, store) for key, config in configs.items()}
    named = {encoders.title_of(key): one for key, one in found.items()}
    return {"not trained": encoders.untrained(configs["pd"]), **named}


def picture(cut, nets, caption):
    """One query, and its nearest patches under each encoder."""
    rarest = min(
        (k for k in range(len(cut.names)) if (cut.classes == k).any()),
        key=lambda k: (cut.classes == k).sum(),
    )
    draw = numpy_generator(seed, "family")
    grid = patches.GRID
    shown = (cut.classes == rarest).reshape(-1, grid, grid)
    around = sum(np.roll(shown, step, axis) for step in (-1, 1) for axis in (1, 2)) + 4 * shown
    query = int(draw.choice(np.flatnonzero(around.ravel() == around.max())))

    def patch(index):
        return plots.in_context(cut.images[index // grid**2], grid, int(index % grid**2))

    rows, captions, titles = [[patch(query)]], [[cut.names[rarest]]], ["the patch"]
    for name, net in nets.items():
        if net is None:
            continue
        index, _ = patch_search.nearest_cells(patch_search.cell_vectors(net, cut), cut, 5)
        rows.append([patch(k) for k in index[query]])
        captions.append([cut.names[cut.classes.ravel()[k]] for k in index[query]])
        titles.append(name)
    figure = plots.image_grid(rows, row_titles=titles, captions=captions, width=0.7, upright=True)
    side = rows[0][0].shape[-1] // 3
    for axes in figure.axes:
        if axes.images:
            frame = Rectangle((side - 0.5, side - 0.5), side, side, fill=False, edgecolor="cyan")
            axes.add_patch(frame)
    right = {
        t: sum(c == cut.names[rarest] for c in row) for t, row in zip(titles, captions, strict=True)
    }
    plots.show(
        figure,
        caption=f"A patch that shows {cut.names[rarest]} (framed, with its neighbours around it), and the five nearest patches of other images under each encoder, "
        f"with what they show. {caption}",
        alt="A query patch and, in a row for each encoder, its five nearest patches. Of the five show the same: "
        + ", ".join(f"{t} {n}" for t, n in right.items() if t != "the patch")
        + ".",
    )


def numbers(kinds, cuts, nets):
    """How often the nearest patch shows the same, and how often a patch is found again."""
    rows = {}
    for kind in kinds:
        for name, net in nets[kind].items():
            cells = rows.setdefault(name, {"encoder": name})
            if net is None:
                cells |= {f"same, {WORD[kind]}": f"<small>{NOT_YET}</small>"}
                continue
            share, low, high = patch_search.agreement(
                patch_search.cell_vectors(net, cuts[kind]), cuts[kind]
            )
            again, among = patch_search.found_again(net, cuts[kind])
            cells[f"same, {WORD[kind]}"] = (
                f"{100 * share:.1f}<br><small>{100 * low:.1f}–{100 * high:.1f}</small>"
            )
            cells[f"again, {WORD[kind]}"] = f"{100 * again:.1f}<br><small>of {among:,}</small>"
    columns = [
        "encoder",
        *[f"{what}, {WORD[kind]}" for kind in kinds for what in ("same", "again")],
    ]
    return [{column: row.get(column, "–") for column in columns} for row in rows.values()]


WORD = {"fundus": "fundus", "xray": "X-ray"}
MEANING = (
    "Same: share of patches (%) whose nearest patch of another image shows the same structure, mean over the structures, with its 95 % bootstrap interval over images. "
    "Again: share of patches of turned and recoloured views whose nearest patch among all first views is their own."
)


def chance(kinds, cuts):
    """What guessing would give."""
    return " ".join(
        f"{WORD[kind].capitalize() if kind == 'fundus' else WORD[kind]}: {', '.join(cuts[kind].names)}, {100 / len(cuts[kind].names):.0f} % by chance; {cuts[kind].words}"
        for kind in kinds
    )


# %% tags=["remove-input"]
kinds = ("fundus", "xray")
cuts = {kind: patches.phantom_patches(encoders.config_of("pd", kind, by_page)) for kind in kinds}
nets = {kind: of_table2(kind, by_page) for kind in kinds}
picture(cuts[modality], nets[modality], f"Phantoms, encoders of profile {by_page}.")

# %% tags=["remove-input"]
display(
    plots.small_table(
        numbers(kinds, cuts, nets),
        caption=f"{MEANING} Phantoms, profile {by_page}. {chance(kinds, cuts)}",
    )
)
short = [
    f"{name} ({WORD[kind]})"
    for kind in kinds
    for name, net in nets[kind].items()
    if net.record is not None and not net.record["trained"]
]
Markdown(
    f"These encoders learnt from phantoms, in {by_page} size; {len(short)} of {sum(len(n) - 1 for n in nets.values())} were not pretrained far enough by this book's rule. The row *not "
    "trained* is what colour and brightness alone achieve through random filters: a row that is not above it has shown nothing here. Nothing of this is evidence about the methods."
)

# %% [markdown]
# ## On real images


# %% tags=["remove-input"]
def on_real_images():
    """The same on real test images, with what encoders are on this machine."""
    name = "open" if phantom else profile
    found = {kind: of_table2(kind, name) for kind in kinds}
    there = [k for k in kinds if sum(net is not None for net in found[k].values()) > 1]
    real = {}
    for kind in there:
        try:
            real[kind] = patches.real_patches(kind, name)
        except DataError:
            continue
    if not real:
        return Markdown(
            f"Weights are not part of the project, only records are. On this machine there are no weights of profile `{name}` with images to look at; "
            f"`ldl run table2 --profile {name}` makes them where the data are at hand."
        )
    for kind, cut in real.items():
        if cut.showable:
            picture(cut, found[kind], f"{cut.words} Encoders of profile {name}.")
    return plots.small_table(
        numbers([*real], real, found),
        caption=f"{MEANING} Real images, profile {name}. {chance([*real], real)}",
    )


on_real_images()

# %% [markdown]
# ## Does each method learn something?
#
# The pictures above are of short trainings, and of one question for all. Here each method is asked, on phantoms, one question after what it claims to learn; its frozen encoder answers before
# its first step and after its last. A method that beats its own start has learnt something; how the methods compare does not follow, since they are asked different things.
#
# ```{admonition} We do
# :class: tip ours
# One question a method, declared with its reason in `ldl/report/asked.py` before the seeds that count were run; runs of another seed were at hand when it was chosen. The start is the same
# network before its first step, paired seed by seed. Nothing is trained while this page is made: `python -m benchmarks.probe_methods` measures, and writes the file that is read here.
# ```

# %% tags=["remove-input"]
Markdown(learned_words.questions())

# %% tags=["remove-input"]
found = learned.read()
if found is None:
    learnt = Markdown(
        "Not measured here: `python -m benchmarks.probe_methods` takes about a quarter of an hour on one core."
    )
else:
    display(learned_words.page_table(found))
    learnt = Markdown(
        "\n\n".join(
            [
                *learned_words.outcome(found),
                f"<small>{learned_words.measured_with(found)}</small>",
                "Nothing of this is evidence about the papers: phantoms are easy in their own ways, and the trainings are short.",
            ]
        )
    )
learnt

# %% [markdown]
# ## The methods, one by one
#
# Ours have chapters of their own: {doc}`method`, {doc}`method`, {doc}`method`. What follows is read from the other methods' classes and records: what
# they compare, what was changed for small images and batches and why, and how their training ended. Knobs that are not named have the original's value.

# %% tags=["remove-input"]
PROFILES = tuple(dict.fromkeys((profile, "open")))


def changes(key):
    """The hyperparameters that are not the original's, with the reasons, as a list."""
    found = family.changes(key, PROFILES)
    lines = [
        f"- `{change.knob}`: {change.original} in the original, "
        + ", ".join(f"{value} in {name}" for name, value in zip(PROFILES, change.ours, strict=True))
        + f"; {change.why}"
        for change in found
    ]
    if not lines:
        return "Hyperparameters: all as the original's."
    return "\n".join(["Hyperparameters that are not the original's:", "", *lines])


def show_method(key):
    """What a method's class says of it, and what was changed here."""
    member = next(each for each in family.members() if each.key == key)
    display(
        Markdown(
            f"*{member.idea}* (compares {member.level}; beside the encoder: {member.parts}; labels {'needed' if member.labels else 'none'}.)"
        )
    )
    display(Markdown(changes(key)))


# %% [markdown]
# ### Supervised
#
# Supervised, by the grade of diabetic retinopathy {cite}`eyepacs2015`, as LDL compares it {cite}`chen2021ldl`. The file: {download}`ldl/methods/supervised.py <../../ldl/methods/supervised.py>`.

# %% tags=["remove-input"]
show_method("supervised")

# %% [markdown]
# ### InstDisc
#
# {cite:t}`wu2018instdisc`. The file: {download}`ldl/methods/instdisc.py <../../ldl/methods/instdisc.py>`.

# %% tags=["remove-input"]
show_method("instdisc")

# %% [markdown]
# ### EmbInva
#
# {cite:t}`ye2019embinva`. The file: {download}`ldl/methods/embinva.py <../../ldl/methods/embinva.py>`.

# %% tags=["remove-input"]
show_method("embinva")

# %% [markdown]
# ### MoCo
#
# {cite:t}`he2020moco`. The file: {download}`ldl/methods/moco.py <../../ldl/methods/moco.py>`.

# %% tags=["remove-input"]
show_method("moco")

# %% [markdown]
# ### MoCoV2
#
# {cite:t}`chen2020mocov2`. The file: {download}`ldl/methods/mocov2.py <../../ldl/methods/mocov2.py>`.

# %% tags=["remove-input"]
show_method("mocov2")

# %% [markdown]
# ### SimCLR
#
# {cite:t}`chen2020simclr`. The file: {download}`ldl/methods/simclr.py <../../ldl/methods/simclr.py>`.

# %% tags=["remove-input"]
show_method("simclr")

# %% [markdown]
# ### RotOri
#
# {cite:t}`li2021rotori`. The file: {download}`ldl/methods/rotori.py <../../ldl/methods/rotori.py>`.

# %% tags=["remove-input"]
show_method("rotori")

# %% [markdown]
# ### DenseCL
#
# {cite:t}`wang2021densecl`. The file: {download}`ldl/methods/densecl.py <../../ldl/methods/densecl.py>`.

# %% tags=["remove-input"]
show_method("densecl")
