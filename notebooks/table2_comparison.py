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
# # Table 2: does pretraining help?
#
# ```{admonition} The paper says
# :class: note paper
# An encoder pretrained by patch or region discrimination is a better start for segmentation than a random one, than a supervised one, and than those of seven
# other self-supervised methods, on 11 of 12 tasks (section 6.1.3, Table 2).
# ```

# %% tags=["parameters", "remove-input"]
profile: str = "demo"

# %% tags=["remove-input"]
import numpy as np
from IPython.display import Markdown, display

from ldl import plots, report
from ldl.book.parameters import check
from ldl.engine.profiles import EARLIER
from ldl.engine.store import RunStore
from ldl.report.encoders import MODALITY
from ldl.tables.measure import show
from ldl.tables.published import published
from ldl.tables.transfer import COMPARED

check("table2_comparison", globals())
store = RunStore()
report.complete("table2", profile, store)
here = show("table2", profile, store)
real = show("table2", "open", store)
best = real if real.measured else here


def words(number):
    """A difference in a sentence."""
    return report.signed(number)


# %% tags=["remove-input"]
findings = report.judged(best)
by_text = {(each.claim.text, each.claim.column): each for each in findings}


def told(text, column):
    """One finding in a sentence."""
    each = by_text[text, column]
    if each.found is None:
        return "not yet run"
    return f"{words(each.found.value)} ({words(each.found.low)} to {words(each.found.high)}; {each.verdict})"


if real.measured:
    text = (
        f"Rd over scratch at equal updates: fundus {told('Rd over scratch at equal updates', 'fundus_mean')}, chest with all labels {told('Rd over scratch at equal updates', 'xray_mean')}, "
        f"with 20 % of them {told('Rd over scratch at equal updates', 'xray_mean@20')}. Regions on top of mixed patches: {told('regions: Rd over Pd+mix', 'fundus_mean')} on fundus; mixup alone: "
        f"{told('mixup: Pd+mix over Pd', 'fundus_mean')}; both together: {told('both together: Rd over Pd', 'fundus_mean')}. All in points of mean DSC."
    )
    others = [each for each in findings if each.claim.family == "others"]
    text += f" Against the other methods: {report.count_words(others)}. A method that did not train here is no opponent."
    behind: dict[str, list[str]] = {}
    for each in others:
        if each.verdict.startswith(("lower", "opposite")):
            method = COMPARED[each.claim.worse]
            behind.setdefault(report.head_of(each.claim, best), []).append(
                f"{method} {words(each.found.value)}"
            )
    if behind:
        parts = [f"{place}: {', '.join(them)}" for place, them in behind.items()]
        text += f" Against the paper, Rd less the other, {'; '.join(parts)}."
else:
    text = "There is no record on real images yet. Get the data, then `ldl run table2 --profile open` makes them; what follows is on phantoms and no evidence."
Markdown(text)

# %% [markdown]
# ## The table

# %% tags=["remove-input"]
printed = "The paper's chest numbers are means over 20, 40, 60, 80 and 100 % of the labels."
for part in report.whole_table(best, more=printed):
    display(part)
report.budget(best.profile)

# %% [markdown]
# ```{admonition} We do
# :class: tip ours
# Scratch is shown twice. The release trains it for the epochs of the second phase only, which is half of what a transferred encoder gets; the row *equal updates* has as many
# updates as a transferred encoder in both phases. A gain over the first alone may be a gain of training time.
#
# Supervised has no chest columns: chest X-rays have no such grade.
# ```

# %% tags=["remove-input"]
seen = {
    title: best.profile.steps_of(name) * best.profile.batch / best.profile.images_seen
    for name, title in COMPARED.items()
}
by_times: dict[str, list[str]] = {}
for title, times in seen.items():
    by_times.setdefault(
        "as many" if abs(times - 1) < 0.05 else f"{times:.2g} times as many", []
    ).append(title)
parts = [f"{many} by {', '.join(them)}" for many, them in sorted(by_times.items())]
text = f"Images seen, against Rd with its first step: {'; '.join(parts)}"
if len(by_times) > 1:
    text += " (`results/STATEMENT.md` says why)"


def minutes(methods):
    """The median time that an encoder of these methods took."""
    took = [
        one["wall_seconds"] / 60
        for one in best.encoders
        if one["config"]["method"] in methods and "wall_seconds" in one
    ]
    return float(np.median(took)) if took else 0.0


longer = [name for name, times in zip(COMPARED, seen.values(), strict=True) if times > 1.05]
rd, theirs = minutes(["rd"]) + minutes(["pd+mix"]), minutes(longer)
if rd and theirs:
    text += (
        f". A step on patches and regions costs more than one on whole images: those that see more images took {theirs:.0f} minutes an encoder on one core, "
        f"Rd with its first step {rd:.0f} (medians, beside other work)"
    )
Markdown(text + ".")

# %% [markdown]
# ## What follows
#
# Every comparison is stated beforehand, with the smallest difference of interest (`results/STATEMENT.md`).

# %% tags=["remove-input"]
if best.phantom:
    display(Markdown("Nothing: these numbers are of phantoms."))
else:
    own = [each for each in findings if each.found and each.claim.family != "others"]
    plots.show(
        report.forest(own, best, xlabel="difference in points of mean DSC"),
        caption="Comparisons among our rows: the paper's difference as a ring, ours with its 95 % interval.",
        alt=report.forest_words(own),
    )
    display(report.claims_csv(findings, best))

# %% [markdown]
# ## One step of patches to four of regions
#
# The paper trains region discrimination four times as long as the patches before it (20 and 80 epochs), and so do we. Our first encoders had two steps of patches to one of regions.

# %% tags=["remove-input"]
MEANS = {"fundus": "fundus_mean", "xray": "xray_mean"}
LABELS = {row.key: row.label for row in best.table.rows(best.profile)}


def of_rd(table, modality):
    """Records of Rd's encoders, one a seed."""
    wanted = ("rd", modality)
    return [
        one
        for one in table.encoders
        if (one["config"]["method"], one["config"]["modality"]) == wanted
    ]


def ratio(table, modality):
    """What step 2 does to the patches found, and the means of the tasks."""
    made = of_rd(table, modality)
    found = [
        f"{100 * np.mean([one[when] for one in made]):.0f}"
        for when in ("retrieval_before", "retrieval")
    ]
    means = {LABELS[key]: table.number(key, MEANS[modality]) for key in ("pd", "pd+mix", "rd")}
    return {
        "images": MODALITY[modality],
        "steps": f"{table.profile.steps1:,} + {table.profile.steps2:,}",
        "seeds": len(made),
        "patches found (%)": " → ".join(found),
    } | means


first = show("table2", EARLIER, store)
both = [(table, modality) for modality in MEANS for table in (first, best)]
both = [(table, modality) for table, modality in both if of_rd(table, modality)]
if not best.phantom and both:
    records = [record for table, modality in both for record in of_rd(table, modality)]
    display(
        plots.small_table(
            [ratio(table, modality) for table, modality in both],
            caption="Patches of held-out images that Rd's encoder finds again, before → after its second step, mean over seeds; mean DSC (%) over the fundus tasks, and over the chest tasks with all labels. "
            + report.provenance(records),
        )
    )

# %% [markdown]
# ## Figure 7: how many labels
#
# ```{admonition} The paper says
# :class: note paper
# On the chest tasks pretrained encoders are always better than scratch; with 20 % of the labels the gain is largest, and 40 to 60 % are enough to exceed scratch with all labels
# (section 6.1.4, Figure 7).
# ```

# %% tags=["remove-input"]
drawn = show("figure7", best.profile, store)
lines = drawn.frame[drawn.frame["measured"] & (drawn.frame["head"] != "Mean")]
lines = lines.assign(
    panel=lines["head"],
    start=lines["label"],
    share=[float(key.partition("@")[2] or 100) for key in lines["column"]],
)
if lines.empty:
    display(Markdown("No chest run yet."))
else:
    least = lines[lines["share"] == lines["share"].min()]
    made = lines.groupby("share")["seeds"].max()
    seeds = ", ".join(f"at {share:g} %: {count}" for share, count in made.items())
    plots.show(
        plots.interval_lines(
            lines[lines["start"] != "Scratch, all labels"],
            x="share",
            group="start",
            xlabel="share of the labels (%)",
            at_values=True,
        ),
        caption=f"Figure 7 on {best.kind}: DSC over the share of the labels; bands are 95 % intervals over test images and seeds ({seeds}). {report.provenance(drawn.records)}",
        alt=f"At {least['share'].iloc[0]:.0f} % of the labels: "
        + "; ".join(f"{one.panel} {one.start} {one.ours:.1f}" for one in least.itertuples())
        + ".",
    )

# %% tags=["remove-input"]
if not lines.empty and not best.phantom:
    stated = published("figure7").set_index("column")
    rows = []
    for panel, part in lines.groupby("panel", sort=False):
        by_start = part.pivot(index="share", columns="start", values="ours")
        ours = by_start[["Pd+mix", "Rd"]].max(axis=1)
        above = by_start.index[ours > by_start["Scratch, all labels"]]
        rows.append(
            {
                "task": panel,
                f"gain at {part['share'].min():.0f} %": (ours - by_start["Scratch"]).iloc[0],
                "over equal updates": (ours - by_start["Scratch, equal updates"]).iloc[0],
                "the paper (20 %)": stated.loc[panel, "gain_at_20_percent"],
                "share that beats scratch with all labels (%)": f"{above.min():.0f}"
                if len(above)
                else "none",
                "the paper (%)": str(stated.loc[panel, "share_that_beats_scratch_percent"]),
            }
        )
    display(
        plots.small_table(
            rows,
            caption="The better of Pd+mix and Rd, in points of DSC: over scratch as released, and over scratch at equal updates, which the paper does not show. The paper's statements are in section 6.1.4.",
        )
    )
    asked = report.judged(drawn)
    display(report.claims_table([each for each in asked if each.found], drawn))

# %% [markdown]
# What each method compares stands in {doc}`method_family`, what the printed table says by arithmetic in {doc}`audit`.

# %% tags=["remove-input"]
display(report.encoders_table(best))
if here.phantom and best is not here:
    display(report.machinery(here))
