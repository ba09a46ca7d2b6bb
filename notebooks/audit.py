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
# # Audit: the papers' tables by arithmetic
#
# What can be checked from the printed numbers alone, without a single run. The tables ship with the package as csv files, slips included, and every line below is computed from them. A slip of the last digit changes no conclusion; rows that should be
# equal and are not, and gains that rest on one column, say how far a difference of half a point may be trusted.

# %% tags=["parameters", "remove-input"]
profile: str = "demo"

# %% tags=["remove-input"]
import numpy as np
import pandas as pd
from IPython.display import Markdown, display

from ldl import plots
from ldl.book.parameters import check
from ldl.report import signed
from ldl.tables.published import published

check("audit", globals())
FUNDUS = ["CHASE", "HRF", "RITE", "STARE", "GS(cup)", "GS(OD)", "ID(OD)", "ID(HE)"]
XRAY = ["Heart", "Lung", "Clavicle", "Pne"]
TASKS = [*FUNDUS, *XRAY]
t2 = published("table2").set_index("encoder")
t3 = published("table3").set_index(["section", "setting"])
t4 = published("table4").set_index(["initialization", "architecture"])
shape = {name: published(name).set_index("method") for name in ("table5", "table6")}
t7 = published("table7")
l1 = published("lrc_table1").set_index("global_pretraining")
l2 = published("lrc_table2").set_index("added_branch")
l3 = published("lrc_table3").set_index("samples_per_region")["DSC"] * 100


def listed(names):
    """Names in a sentence."""
    return ", ".join(map(str, names)) or "none"


def names(of):
    """The label of a row, which may have several levels."""
    return of if isinstance(of, str) else " ".join(map(str, of))


# %% [markdown]
# ## Means

# %% tags=["remove-input"]
CHECKED = (
    *(("LDL Table 2", t2, FUNDUS, "fundus_mean"), ("LDL Table 2", t2, XRAY, "xray_mean")),
    *(("LDL Table 3", t3, FUNDUS, "fundus_mean"), ("LDL Table 3", t3, XRAY, "xray_mean")),
    *(("LDL Table 4", t4, FUNDUS, "fundus_mean"), ("LDL Table 4", t4, XRAY, "xray_mean")),
    *(
        (f"LDL Table {name[-1]}", one, list(one.columns[:-1]), "mean")
        for name, one in shape.items()
    ),
    (
        "LDL Table 7",
        t7.set_index(["task", "method"]),
        [one for one in t7 if one.startswith("acc")],
        "mean",
    ),
)
count, cut, wrong = 0, 0, []
for table, frame, columns, mean in CHECKED:
    printed = pd.to_numeric(frame[mean])
    own = frame[columns].astype(float).mean(axis=1, skipna=False)
    off = (own - printed).abs().dropna()
    count += len(off)
    cut += int(((off > 0.0051) & (off < 0.01)).sum())
    wrong += [
        f"{table}, {names(row)}: {own[row]:.2f} by its columns, printed {printed[row]:g}"
        for row in off.index[off >= 0.01]
    ]
Markdown(
    f"Of {count} printed means, {count - cut - len(wrong)} are those of their columns; {cut} are off by the last digit, cut off where they should be rounded; {len(wrong)} is a slip ({listed(wrong)})."
)

# %% [markdown]
# ## Rows that are the same configuration

# %% tags=["remove-input"]
SAME = (
    ("Pd+mix", "Table 2", t2.loc["Pd+mix"], "Table 3, 8×8", t3.loc["patch_size_pd_mix", "8x8"]),
    ("Pd+mix", "Table 2", t2.loc["Pd+mix"], "Table 3, C = 0", t3.loc["cluster_number_rd", "0"]),
    ("Rd", "Table 2", t2.loc["Rd"], "Table 3, C = 16", t3.loc["cluster_number_rd", "16"]),
    ("Scratch, tiny", "Table 2", t2.loc["Scratch"], "Table 4", t4.loc["scratch", "Tiny VGG16"]),
    ("Pd+mix, tiny", "Table 2", t2.loc["Pd+mix"], "Table 4", t4.loc["pd_mix", "Tiny VGG16"]),
)
rows = []
for what, here, one, there, other in SAME:
    gap = other[TASKS].astype(float) - one[TASKS].astype(float)
    moved = gap[gap.abs() > 0.001]
    rows.append(
        {
            "row": f"{what}: {here} and {there}",
            "columns that differ": f"{len(moved)} of {len(gap)}",
            "by": listed(f"{name} {signed(value, 2)}" for name, value in moved.items()),
        }
    )
gain = t3.loc["mixup_gain_over_pd"].loc["8x8"][TASKS].astype(float)
apart = t2.loc["Pd+mix", TASKS].astype(float) - t2.loc["Pd", TASKS].astype(float)
rows.append(
    {
        "row": "Gain of mixup at 8×8: Table 3, and Table 2's Pd+mix − Pd",
        "columns that differ": f"{int(((gain - apart).abs() > 0.0051).sum())} of {len(gain)}",
        "by": "",
    }
)
with_60 = l1["ABD-110_60_with_lrc"]
known = {
    "ImageNet": "ImageNet",
    "Relative Loc": "Relative Loc",
    "Rotation Pred": "Rotation Pred",
    "MAE": "MAE",
    "BYOL": "BYOL",
    "SimSiam": "SimSiam",
}
rows.append(
    {
        "row": "With LRC, 60 volumes: LRC Tables 1 and 2",
        "columns that differ": f"{sum(abs(with_60[one] - l2.loc['w/ LRC', one]) > 0.001 for one in known)} of {len(known)}",
        "by": "",
    }
)
rows.append(
    {
        "row": "MoCo + LRC, 10 volumes: LRC Tables 1 and 3 (N = 50)",
        "columns that differ": "1 of 1",
        "by": f"{l3[50]:.1f} in Table 3; {l1.loc['MoCo v1', 'ABD-110_10_with_lrc']:.1f} (v1) and {l1.loc['MoCo v2', 'ABD-110_10_with_lrc']:.1f} (v2) in Table 1",
    }
)
display(plots.small_table(rows, wraps=True, caption="What the papers print twice."))
tiny = (
    (t4.loc["pd_mix", "Tiny VGG16"][XRAY].astype(float) - t2.loc["Pd+mix", XRAY].astype(float))
    .abs()
    .max()
)
Markdown(
    f"Two trainings of one configuration, tiny VGG16 with Pd+mix, lie up to {tiny:.2f} points apart in a chest column. Neither paper gives a spread over seeds; this pair, and the {abs(l3[50] - l1.loc['MoCo v1', 'ABD-110_10_with_lrc']):.1f} points "
    f"of LRC's Table 3, are what the tables themselves have of it. In LRC's Table 3, N = 50 leads N = 100 by {l3[50] - l3[100]:.1f}."
)

# %% [markdown]
# ## What the text says of the tables

# %% tags=["remove-input"]
ours = ["Pd", "Pd+mix", "Rd"]
winner = t2[TASKS].idxmax()
lead = t2.loc[ours, TASKS].max() - t2[TASKS].drop(index=ours).max()
mixup = t3.loc["mixup_gain_over_pd"][["fundus_mean", "xray_mean"]].astype(float)
over = t2["fundus_mean"] - t2.loc["Scratch", "fundus_mean"]
over_chest = t2["xray_mean"] - t2.loc["Scratch", "xray_mean"]
below = [f"{name} (fundus)" for name in over.index[over < 0]] + [
    f"{name} (chest)" for name in over_chest.index[over_chest < 0]
]
pairs = {
    column.removesuffix("_with_lrc").replace("_", " "): l1[column]
    - l1[column.replace("with_lrc", "without_lrc")]
    for column in l1
    if column.endswith("with_lrc")
}
drop_random = {key: gap.drop("Random init") for key, gap in pairs.items()}
hrf = [
    f"{one.loc['Refine', 'HRF']:.2f} against {one.loc['RefineUncer', 'HRF']:.2f}"
    for one in shape.values()
]


def ahead(row):
    """How far RefineUncer's mean is above a row's, DSA and OCTA."""
    return " and ".join(
        f"{one.loc['RefineUncer', 'mean'] - one.loc[row, 'mean']:.2f}" for one in shape.values()
    )


counts = {key: f"{int((gap > 0.001).sum())}" for key, gap in drop_random.items()}
text = (
    (
        "“Winning 11 tasks out of all 12”",
        "holds for the best of Pd, Pd+mix and Rd",
        f"{int(winner.isin(ours).sum())} of 12 for the best of three rows; Rd alone is best in {int((winner == 'Rd').sum())} (others: {listed(f'{column} {row}' for column, row in winner.items() if row != 'Rd')}). Three draws against one: the best of three is favoured.",
    ),
    (
        "“Improvements of 5.79 % and 3.68 %”",
        "holds, in points",
        f"{t2.loc['Rd', 'fundus_mean'] - t2.loc['Scratch', 'fundus_mean']:.2f} and {t2.loc['Rd', 'xray_mean'] - t2.loc['Scratch', 'xray_mean']:.2f} points of DSC, not per cent.",
    ),
    (
        "“Outperforms … DenseCL”",
        "holds, by little",
        f"Median lead of the best of the three over the best other row {lead.median():.2f} points, in the worst column {lead.min():+.2f} ({lead.idxmin()}), in the best {lead.max():.2f} ({lead.idxmax()}).",
    ),
    (
        "Pretraining is a better start than scratch",
        "not for every method",
        f"Below scratch in the mean: {listed(below)}.",
    ),
    (
        "“9 out of 10” for mixup",
        "holds",
        f"{int((mixup > 0).to_numpy().sum())} of {mixup.size} means; over single tasks {int((t3.loc['mixup_gain_over_pd'][TASKS].astype(float) > 0).to_numpy().sum())} of {5 * len(TASKS)}.",
    ),
    (
        "8 × 8 patches chosen",
        "best for fundus alone",
        f"On chest 16 × 16 has {t3.loc[('patch_size_pd_mix', '16x16'), 'xray_mean']:.2f} against {t3.loc[('patch_size_pd_mix', '8x8'), 'xray_mean']:.2f}.",
    ),
    (
        "“C = 4 is enough” for chest",
        "yes, yet Table 2 uses 16",
        f"{t3.loc[('cluster_number_rd', '4'), 'xray_mean']:.2f} with C = 4, {t3.loc[('cluster_number_rd', '16'), 'xray_mean']:.2f} with C = 16; all four settings within {np.ptp(t3.loc['cluster_number_rd'].loc[['4', '8', '12', '16'], 'xray_mean'].astype(float)):.2f} points.",
    ),
    (
        "“Effective strategy to further improve” (RefineUncer)",
        "not in every set",
        f"On HRF, Refine without uncertainty is better in both tables ({', '.join(hrf)}).",
    ),
    (
        "“Brings 50.34 % … 46.46 %”",
        "holds, in points",
        f"{ahead('CycleGAN')}; over SynSeg, the stronger baseline, {ahead('SynSeg')}.",
    ),
    (
        "LRC enhances 9/10, 7/9 and 10/6 of 10",
        "holds",
        f"{', '.join(f'{key} {value}' for key, value in counts.items())}; ties count as not enhanced.",
    ),
    (
        "“In a consistent way” (LRC)",
        f"in {sum(gap.mean() > 0 for gap in drop_random.values())} of {len(drop_random)} columns on average",
        f"Mean gain {', '.join(f'{key} {signed(gap.mean(), 2)}' for key, gap in drop_random.items())}; {sum(int((gap < -0.001).sum()) for gap in drop_random.values())} of {sum(map(len, drop_random.values()))} pairs fall.",
    ),
    (
        "“LRC outperforms MoCo under every setting”",
        "not in its own table",
        f"Equal in {listed(name for name in l2 if abs(l2.loc['w/ LRC', name] - l2.loc['w/ MoCo', name]) < 0.001)}.",
    ),
)
plots.small_table(
    [{"the text": said, "the table": verdict, "in numbers": told} for said, verdict, told in text],
    wraps=True,
    caption="Statements of the text against the csv files.",
)

# %% [markdown]
# ## What else the numbers show

# %% tags=["remove-input"]
parts = (t2.loc["Rd", XRAY] - t2.loc["Scratch", XRAY]).astype(float)
eyes = (t2.loc["Rd", FUNDUS] - t2.loc["Scratch", FUNDUS]).astype(float)
stated = published("figure7").set_index("column")["gain_at_20_percent"].dropna()
rest = {name: (5 * parts[name] - value) / 4 for name, value in stated.items()}
tests = published("table1").nsmallest(2, "test")
alone = {name: l2.loc["w/ MoCo", name] - l1.loc[name, "ABD-110_60_without_lrc"] for name in l2}
whole = {name: l2.loc["w/ LRC", name] - l1.loc[name, "ABD-110_60_without_lrc"] for name in l2}
harmed = l1["HaN_60_without_lrc"].drop("Random init") < l1.loc["Random init", "HaN_60_without_lrc"]
queries = {"od_hrf": 44, "heart_scr": 246}
accuracy = [column for column in t7 if column.startswith("acc")]
fits = [
    min(abs(100 * k / queries[one.task] - value) for k in range(queries[one.task] + 1)) < 0.011
    for one in t7.itertuples(index=False)
    for value in t7[(t7["task"] == one.task) & (t7["method"] == one.method)][accuracy].iloc[0]
]
steps = t7.set_index(["task", "method"])[accuracy]
won = (steps.loc[("od_hrf", "pd+mix+ms+cs")] - steps.loc[("od_hrf", "pd+mix+ms")]) * 44 / 100
Markdown(
    f"""- **One column makes a mean.** Pneumothorax alone brings {parts["Pne"] / parts.sum():.0%} of the chest gain over scratch; without it the gain is {parts.drop("Pne").mean():.2f} points. On fundus, {eyes.idxmax()} and {eyes.drop(eyes.idxmax()).idxmax()} bring {(eyes.nlargest(2).sum()) / eyes.sum():.0%}.
- **Few labels.** The chest columns of Table 2 are means over 20 to 100 % of the labels. If the gains that the text names at 20 % are Rd's, the other four shares gain on average {", ".join(f"{name} {signed(value, 1)}" for name, value in rest.items())}: most of it is at 20 %.
- **A second MoCo takes part of LRC's gain.** Of what LRC adds to a pretraining in LRC's Table 2, a second MoCo of equal size adds {", ".join(f"{name} {alone[name]:.1f} of {whole[name]:.1f}" for name in l2)} points.
- **With 60 head-and-neck volumes, pretraining hurts.** {int(harmed.sum())} of {len(harmed)} pretrainings are below random weights ({l1.loc["Random init", "HaN_60_without_lrc"]:.1f}) there.
- **Table 7 counts queries.** {sum(fits)} of {len(fits)} accuracies are whole numbers of the 44 or 246 queries. The last step, +cs on the disc, wins {", ".join(f"{value:.0f}" for value in won)} queries at the five thresholds, with one support image.
- **Test sets.** {tests.iloc[0]["dataset"]} has {tests.iloc[0]["test"]:.0f} test images, {tests.iloc[1]["dataset"]} {tests.iloc[1]["test"]:.0f}; no table of either paper has an interval."""
)
