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
from ldl.report.claims import count_words, heads_of
from ldl.tables import TABLES
from ldl.tables.compare import Finding
from ldl.tables.measure import show

check("summary", globals())
store = RunStore()
shown = {name: show(name, "open", store) for name in TABLES}
findings = {name: report.judged(one) for name, one in shown.items()}
every = [each for some in findings.values() for each in some if not each.claim.ours]
budget = profile_named("open")
seeds = sorted({record["config"]["seed"] for one in shown.values() for record in one.records})

# %% tags=["remove-input"]
EIGHT = (
    ("table2", "Rd over scratch at equal updates", "fundus_mean"),
    ("table2", "Rd over scratch at equal updates", "xray_mean"),
    ("table2", "regions: Rd over Pd+mix", "fundus_mean"),
    ("table2", "mixup: Pd+mix over Pd", "fundus_mean"),
    ("table2", "Rd over DenseCL", "fundus_mean"),
    ("table5", "RefineUncer over CycleGAN", "mean"),
    ("table6", "RefineUncer over CycleGAN", "mean"),
    ("table7", "the paper's best row over template matching", "idrid_disc"),
    ("lrc_table1", "LRC over an untrained second branch", "head_neck-10"),
)
PAGES = {
    "table2": ("Table 2", "table2_comparison"),
    "table3": ("Table 3", "table3_ablation"),
    "table4": ("Table 4", "table4_architectures"),
    "table5": ("Table 5", "table5_6_shape"),
    "table6": ("Table 6", "table5_6_shape"),
    "table7": ("Table 7", "table7_localization"),
    "lrc_table1": ("LRC Table 1", "lrc_table1"),
    "lrc_table2": ("LRC Table 2", "lrc_table2"),
    "lrc_table3": ("LRC Table 3", "lrc_table3"),
}


def finding(table, text, column):
    """The finding on one claim."""
    return next(e for e in findings[table] if (e.claim.text, e.claim.column) == (text, column))


def line(each: Finding):
    """One line of the table of claims."""
    page = PAGES[each.claim.table][1]
    found = each.found
    on = heads_of(shown[each.claim.table])[each.claim.column].split(":")[0]
    on = {"table5": "Vessels, DSA masks", "table6": "Vessels, OCTA masks"}.get(each.claim.table, on)
    return {
        "claim": f"<a href='{page}.html'>{each.claim.text}</a> <small>{on}</small>",
        "verdict": each.verdict,
        "ours": f"{report.signed(found.value)}<br><small>{report.signed(found.low)} to {report.signed(found.high)}</small>"
        if found
        else "–",
        "the paper": report.signed(each.paper),
        "n (seeds)": f"{found.cases} ({found.seeds})" if found else "",
    }


plots.small_table(
    [line(finding(*key)) for key in EIGHT],
    caption="Differences in points of DSC (Table 7: of mean accuracy) on real images, paired by image and seed, with 95 % intervals over both. The rule was "
    "stated before the runs (results/STATEMENT.md); nothing is called reproduced on one seed.",
)

# %% tags=["remove-input"]
Markdown(
    f"The budget: {budget.tasks.size} pixels where the papers have 512, "
    f"networks 1/{16 // budget.base} as wide as the smallest published one, {budget.steps1:,} + {budget.steps2:,} steps, seeds {', '.join(map(str, seeds))}. "
    f"Of the papers' {len(every)} comparisons: {count_words(every)}."
) if seeds else Markdown("There are no records on real images here.")

# %% [markdown]
# ## Every comparison that could be made

# %% tags=["remove-input"]
made = [each for each in every if each.found]
if made:
    for name in ("table2", "table3", "table4"):
        part = [
            each
            for each in findings[name]
            if each.found and not each.claim.ours and each.claim.family != "others"
        ]
        if part:
            plots.show(
                report.forest(
                    part, shown[name], xlabel="difference in points of mean DSC", limits=(-10, 16)
                ),
                caption=f"{PAGES[name][0]}: the paper's difference as a ring, ours with its 95 % interval; right of zero: as the paper has it.",
                alt="; ".join(
                    f"{e.claim.text}: {report.signed(e.found.value)}, {e.verdict}" for e in part
                )
                + ".",
            )

# %% tags=["remove-input"]
display(
    plots.small_table(
        [
            {
                "table": f"<a href='{PAGES[name][1]}.html'>{PAGES[name][0]}</a>",
                "numbers on real images": f"{int(one.frame.loc[one.frame['measured'] & one.frame['planned'], 'measured'].sum())} of {int(one.frame['planned'].sum())}",
                "the paper's claims": plots.words(
                    count_words([e for e in findings[name] if not e.claim.ours]) or "–", 16
                ),
                "our questions": plots.words(
                    count_words([e for e in findings[name] if e.claim.ours]) or "–", 16
                ),
                "hours": f"{sum(r['wall_seconds'] for r in (*one.records, *one.encoders)) / 3600:.1f}",
            }
            for name, one in shown.items()
        ],
        caption="Profile open: what is there of each table, and what follows. Tables share runs.",
    )
)

# %% [markdown]
# ## Where to go
#
# - How it works: {doc}`method`; where paper and release differ: {doc}`paper_vs_release`.
# - Does pretraining help? {doc}`table2_comparison`. Which parts? {doc}`table3_ablation`, {doc}`table4_architectures`.
# - Shape guidance: {doc}`method_shape`, {doc}`table5_6_shape`. One-shot localization: {doc}`method_localization`, {doc}`table7_localization`, and {doc}`demo_localization` to play with.
# - LRC: {doc}`method_lrc`, {doc}`lrc_table1`, {doc}`lrc_table2`, {doc}`lrc_table3`, {doc}`lrc_figures`.
# - Make it yourself, and how to read a cell: {doc}`reproduce`, {doc}`pretrain_encoder`, {doc}`transfer_task`; the images: {doc}`table1_datasets`, {doc}`data_phantoms`.
