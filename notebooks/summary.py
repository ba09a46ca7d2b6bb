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
# *Unsupervised Local Discrimination for Medical Images* (LDL) {cite}`chen2021ldl` pretrains a segmentation network by telling patches and regions of unlabelled images apart; *Localized Region Contrast* (LRC)
# {cite}`yan2023lrc` adds a second network that tells superpixels of CT slices apart. What of their ten tables comes out on real images, at a small budget:

# %% tags=["parameters", "remove-input"]
profile: str = "demo"

# %% tags=["remove-input"]
from IPython.display import Markdown, display

from ldl import plots, report
from ldl.book.parameters import check
from ldl.engine.profiles import profile_named
from ldl.engine.store import RunStore
from ldl.report import PAGES
from ldl.tables import TABLES
from ldl.tables.measure import show
from ldl.tables.sentences import findings, sentences

check("summary", globals())
store = RunStore()
shown = {name: show(name, "open", store) for name in TABLES}
judged = {name: report.judged(one) for name, one in shown.items()}
every = [each for some in judged.values() for each in some if not each.claim.ours]
budget = profile_named("open")
seeds = sorted({record["config"]["seed"] for one in shown.values() for record in one.records})

# %% tags=["remove-input"]
CHOSEN = (
    ("table2", "Rd over scratch at equal updates", "fundus_mean"),
    ("table2", "Rd over scratch at equal updates", "xray_mean"),
    ("table2", "regions: Rd over Pd+mix", "fundus_mean"),
    ("table2", "mixup: Pd+mix over Pd", "fundus_mean"),
    ("table2", "Rd over DenseCL", "fundus_mean"),
    ("table5", "RefineUncer over a filter", "mean"),
    ("table6", "RefineUncer over a filter", "mean"),
    ("table7", "the paper's best row over template matching", "idrid_disc"),
    ("lrc_table1", "LRC over an untrained second branch", "head_neck-10"),
)
ON = {"table5": "vessels, DSA masks", "table6": "vessels, OCTA masks"}


def line(table, text, column):
    """One line of the table of claims."""
    each = next(e for e in judged[table] if (e.claim.text, e.claim.column) == (text, column))
    found = each.found
    on = ON.get(table) or report.head_of(each.claim, shown[table]).split(":")[0]
    return {
        "claim": f"<a href='{PAGES[table][1]}.html'>{text}</a> <small>{on}</small>",
        "verdict": each.verdict,
        "ours": report.interval(each),
        "the paper": report.signed(each.paper),
        "n (seeds)": f"{found.cases} ({found.seeds})" if found else "",
    }


plots.small_table(
    [line(*key) for key in CHOSEN],
    caption="Differences in points of DSC (Table 7: of mean accuracy) on real images, paired by image and seed, with 95 % intervals over both. The rule was "
    "stated before the runs; nothing is called reproduced on one seed.",
)

# %% tags=["remove-input"]
Markdown(
    f"The budget: {budget.tasks.size} pixels where the papers have 512, "
    f"networks 1/{16 // budget.base} as wide as the smallest published one, {budget.steps1:,} + {budget.steps2:,} steps, seeds {', '.join(map(str, seeds))}. "
    f"Of the papers' {len(every)} comparisons: {report.count_words(every)}."
) if seeds else Markdown("There are no records on real images here.")

# %% [markdown]
# ## What the papers say, and what we find
#
# One line for each sentence that compares two rows and could be run; {doc}`claims` has every sentence, with numbers and runs.

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
        caption="The paper's difference as a ring, ours with its 95 % interval; right of zero: as the paper has it.",
        alt=report.forest_words(pairs),
    )

# %% [markdown]
# ## How much of each table is there

# %% tags=["remove-input"]
display(
    plots.small_table(
        [
            {
                "table": f"<a href='{PAGES[name][1]}.html'>{PAGES[name][0]}</a>",
                "numbers": f"{int(one.frame.loc[one.frame['measured'] & one.frame['planned'], 'measured'].sum())} of {int(one.frame['planned'].sum())}",
                "the paper's claims": plots.words(
                    report.count_words([e for e in judged[name] if not e.claim.ours]) or "–", 13
                ),
                "our questions": plots.words(
                    report.count_words([e for e in judged[name] if e.claim.ours and e.found])
                    or "–",
                    11,
                ),
                "hours": f"{sum(r['wall_seconds'] for r in (*one.records, *one.encoders)) / 3600:.1f}",
            }
            for name, one in shown.items()
        ],
        caption="On real images, profile open. Tables share runs.",
    )
)

# %% [markdown]
# ## Where to go
#
# - How it works: {doc}`method`; where paper and release differ: {doc}`paper_vs_release`.
# - Does pretraining help? {doc}`table2_comparison`. Which parts? {doc}`table3_ablation`, {doc}`table4_architectures`.
# - Shape guidance: {doc}`method_shape`, {doc}`table5_6_shape`. One-shot localization: {doc}`method_localization`, {doc}`table7_localization`, and {doc}`demo_localization` to play with.
# - LRC: {doc}`method_lrc`, {doc}`lrc_table1`, {doc}`lrc_table2`, {doc}`lrc_table3`, {doc}`lrc_figures`.
# - Make it yourself, and how to read a cell: {doc}`reproduce`, {doc}`pretrain_encoder`, {doc}`transfer_task`; the images: {doc}`table1_datasets`, {doc}`data_phantoms`. What the papers' tables say by arithmetic: {doc}`audit`.
