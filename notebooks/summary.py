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
# # Local discrimination, reproduced
#
# *Unsupervised Local Discrimination* (LDL) {cite}`chen2021ldl` and *Localized Region Contrast* (LRC) {cite}`yan2023lrc` pretrain segmentation networks on medical images without labels. Their ten tables were made again, from code written anew, on public images.

# %% tags=["parameters", "remove-input"]
profile: str = "demo"

# %% tags=["remove-input"]
from collections import Counter

from IPython.display import Markdown, display

from ldl import plots, report
from ldl.book.parameters import check
from ldl.engine.profiles import profile_named
from ldl.engine.store import RunStore
from ldl.report import PAGES
from ldl.tables import TABLES
from ldl.tables.compare import findings, sentences
from ldl.tables.measure import show
from ldl.tables.transfer import COMPARED

check("summary", globals())
store = RunStore()
shown = {name: show(name, "open", store) for name in TABLES}
judged = {name: report.judged(one) for name, one in shown.items()}
every = [each for some in judged.values() for each in some if not each.claim.ours]
configs = [record["config"] for one in shown.values() for record in one.records]
seeds = {config["seed"] for config in configs if "seed" in config}


# %% tags=["remove-input"]
def rival(column, where):
    """The line of the other method that is best here, whichever it is, and its words."""
    against = [
        each
        for each in judged["table2"]
        if each.claim.family == "others" and each.claim.column == column
        if each.found and each.verdict != "not trained here"
    ]
    if not against:
        return {}
    claim = min(against, key=lambda each: each.found.value).claim
    words = (f"LDL over {COMPARED[claim.worse]}", f"the best other here, {where}")
    return {("table2", claim.text, column): words}


EQUAL, FILTER = "Rd over scratch at equal updates", "RefineUncer over a filter"
CHOSEN = {
    ("table2", EQUAL, "fundus_mean"): ("Pretraining over none", "fundus"),
    ("table2", EQUAL, "xray_mean"): ("Pretraining over none", "chest"),
    ("table2", EQUAL, "xray_mean@20"): ("Pretraining over none", "chest, 20 % of the labels"),
    ("table2", "regions: Rd over Pd+mix", "fundus_mean"): ("Regions over patches alone", "fundus"),
    ("table2", "both together: Rd over Pd", "fundus_mean"): (
        "Regions and mixup over neither",
        "fundus",
    ),
    ("table2", "Rd over DenseCL", "fundus_mean"): ("LDL over DenseCL", "fundus"),
    **rival("fundus_mean", "fundus"),
    **rival("xray_mean@20", "chest, 20 % of the labels"),
    ("table5", FILTER, "mean"): ("Shape guidance over a filter", "vessels, DSA masks"),
    ("table6", FILTER, "mean"): ("Shape guidance over a filter", "vessels, OCTA masks"),
    ("table7", "the paper's best row over template matching", "idrid_disc"): (
        "One-shot search over template matching",
        "disc",
    ),
    ("lrc_table1", "LRC beside Random init", "head_neck-10"): (
        "LRC over none",
        "head and neck, OpenKBP",
    ),
    ("lrc_table1", "LRC over an untrained second branch", "head_neck-10"): (
        "LRC over its network untrained",
        "head and neck, OpenKBP",
    ),
}
GROUPS = {
    "Held so far": ("reproduced", "higher"),
    "Did not hold": ("opposite", "lower", "no difference"),
    "Undecided or not tested": ("",),
}


def why(each):
    """Why nothing follows for a claim."""
    told = ""
    if each.verdict == "undecided":
        holds = each.found.low <= 0 <= each.found.high
        told = "the interval holds 0" if holds else f"less than {each.claim.least:g} point"
    if each.verdict == "not trained here":
        told = "too short"
    return f" <small>{told}</small>" if told else ""


def line(key):
    """The outcome of a claim, and its line of the table."""
    table, text, column = key
    each = next(e for e in judged[table] if (e.claim.text, e.claim.column) == (text, column))
    found, (words, where) = each.found, CHOSEN[key]
    group = next(name for name, starts in GROUPS.items() if each.verdict.startswith(starts))
    return group, {
        "claim": f"<a href='{PAGES[table][1]}.html'>{words}</a>, <small>{where}</small>",
        "ours": report.interval(each).replace("<br>", " "),
        "the paper": report.signed(each.paper),
        "n (seeds)": f"{found.cases} ({found.seeds})" if found else "",
        "verdict": each.verdict + why(each),
    }


def budget(profile):
    """Pixels and steps of LDL, pixels of LRC."""
    one = profile_named(profile)
    return one.tasks.size, f"{one.steps1:,} + {one.steps2:,}", one.lrc.size


lines = [line(key) for key in CHOSEN]
if seeds:
    (side, steps, ct), (their_side, their_steps, their_ct) = budget("open"), budget("paper")
    count = Counter(name for name, _ in lines)
    told = ", ".join(f"{count[name]} {name.lower()}" for name in GROUPS)
    display(
        Markdown(
            f"A small budget: LDL with {side} pixels and {steps} steps (the paper: {their_side}, {their_steps}), LRC with {ct} pixels ({their_ct}), {len(seeds)} seeds at most. **Of {len(lines)} claims: {told}.**"
        )
    )
else:
    display(Markdown("There are no records on real images here."))
rows = []
for group in GROUPS:
    part = [one for name, one in lines if name == group]
    rows += [group] * bool(part) + part
plots.small_table(
    rows,
    wraps=True,
    caption="Differences in points of DSC (disc: of mean accuracy), paired by image and seed, with 95 % intervals over both; <i>none</i> has as many updates. The rule was stated before the runs, but for what counts as trained; on one seed nothing is called reproduced.",
)

# %% tags=["remove-input"]
if seeds:
    display(
        Markdown(f"All {len(every)} comparisons of the papers' rows: {report.count_words(every)}.")
    )

# %% [markdown]
# ## What the papers say, and what we find
#
# The sentences that compare two rows and were run; {doc}`claims` has all.

# %% tags=["remove-input"]
told = findings(sentences(), shown)
single = {
    one.claim: one
    for sentence, part in told.items()
    if sentence.how == "each"
    for one in part
    if one.found and one.paper == one.paper and "@" not in one.claim.column
}
pairs = sorted(
    single.values(), key=lambda one: (list(TABLES).index(one.claim.table), one.claim.column)
)
if pairs:
    plots.show(
        report.forest(pairs, shown, xlabel="difference in points", limits=(-10, 16)),
        caption="The paper's difference as a ring, ours with its 95 % interval; right of zero: as the paper has it. Its chest numbers are means over five shares of the labels.",
        alt=report.forest_words(pairs),
    )

# %% [markdown]
# Begin with {doc}`method`. {doc}`reproduce` says how to read a table and make it, {doc}`your_images` what to do with your own images; {doc}`demo_localization` is there to play with.
