"""What the paper's Table 7 says by itself: its steps, counted in queries."""

import pandas as pd
from IPython.display import HTML

from ldl.experiments.cells import signed
from ldl.plots.tables import small_table
from ldl.tables.published import published

# Section 6.3.1: one image is the support, the rest are queries.
QUERIES = {"od_hrf": 44, "heart_scr": 246}
TITLES = {"od_hrf": "Disc (HRF)", "heart_scr": "Heart (SCR)"}
STEPS = (("pd+mix", "pd", "+mix"), ("pd+mix+ms", "pd+mix", "+ms"),
         ("pd+mix+ms+cs", "pd+mix+ms", "+cs"))  # fmt: skip


def printed(task: str) -> pd.DataFrame:
    """The printed rows of a landmark: methods against the five accuracies and their mean."""
    table = published("table7")
    return table[table["task"] == task].set_index("method").drop(columns="task")


def steps_table() -> HTML:
    """What each of the three ideas brings, in points and in queries."""
    rows = []
    for task, count in QUERIES.items():
        table = printed(task)
        thresholds = [name for name in table.columns if name != "mean"]
        for better, worse, name in STEPS:
            gain = table.loc[better] - table.loc[worse]
            queries = (gain[thresholds] * count / 100).round().astype(int)
            rows.append(
                {
                    "step": f"{TITLES[task]}, {name}",
                    "mean accuracy": signed(gain["mean"]),
                    "queries won at the five thresholds": ", ".join(
                        f"{one:+d}".replace("-", "−") for one in queries
                    ),
                }
            )
    caption = (
        "Differences between neighbouring rows of the printed table, in points and as numbers of "
        f"queries (of {' and of '.join(str(count) for count in QUERIES.values())})."
    )
    return small_table(rows, caption=caption)


def words() -> str:
    """What the printed numbers allow: how large a query is, and what does not improve."""
    parts = []
    for task, count in QUERIES.items():
        table = printed(task)
        parts.append(
            f"one query of the {TITLES[task]} is {100 / count:.1f} points"
            + (f", and {_still(table)}" if _still(table) else "")
        )
    slips = [_slip(task) for task in QUERIES]
    found = " ".join(slip for slip in slips if slip)
    return (
        f"The table rests on one support image a landmark: {'; '.join(parts)}. The distances are "
        "to the centroid of the region that holds the maximum; what happens where two places are "
        f"nearly as similar is not said. {found}"
    ).strip()


def _still(table: pd.DataFrame) -> str:
    thresholds = [name for name in table.columns if name != "mean"]
    flat = sum(
        int((table.loc[better, thresholds] <= table.loc[worse, thresholds]).sum())
        for better, worse, _ in STEPS
    )
    total = len(STEPS) * len(thresholds)
    return f"{flat} of its {total} steps from row to row bring nothing" if flat else ""


def _slip(task: str) -> str:
    table = printed(task)
    mean = table.drop(columns="mean").mean(axis=1)
    off = (mean - table["mean"]).abs()
    wrong = off[off > 0.011]
    if wrong.empty:
        return f"The printed means of the {TITLES[task]} are those of its five columns."
    named = ", ".join(
        f"{row} ({table.loc[row, 'mean']:g}, not {mean[row]:.2f})" for row in wrong.index
    )
    return f"Printed means that are not those of their five columns: {named}."
