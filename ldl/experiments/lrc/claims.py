"""What the paper says of LRC, counted in its own tables and in the records."""

import pandas as pd

from ldl.plots.tables import prose
from ldl.report import NOT_YET, signed
from ldl.tasks import FACTS

REPEATED = "the runs above"


def column_counts(frame: pd.DataFrame) -> list[dict[str, str]]:
    """For each column of Table 1: in how many pretrainings LRC helped, the paper's and ours."""
    rows = []
    for _, lines in frame.groupby("column", sort=False):
        first = lines.iloc[0]
        rows.append(
            {
                "column": f"{FACTS[first['region']].column}, |X_T| = {first['asked']}",
                "higher with LRC, the paper": _printed(lines),
                "higher with LRC, here": REPEATED if first["repeated"] else _ours(lines),
                "clearly higher / clearly lower": "" if first["repeated"] else _clear(lines),
                "mean difference, the paper": signed(
                    (lines["paper_with"] - lines["paper_without"]).mean()
                ),
                "mean difference, here": "" if first["repeated"] else _mean(lines),
            }
        )
    return rows


def _printed(lines: pd.DataFrame) -> str:
    higher = (lines["paper_with"] > lines["paper_without"]).sum()
    return f"{higher} of {len(lines)}"


def _ours(lines: pd.DataFrame) -> str:
    there = lines[lines["measured"]]
    return f"{(there['difference'] > 0).sum()} of {len(there)}" if len(there) else NOT_YET


def _clear(lines: pd.DataFrame) -> str:
    there = lines[lines["measured"]]
    if not len(there):
        return NOT_YET
    count = there["verdict"].value_counts()
    return f"{count.get('higher', 0)} / {count.get('lower', 0)} of {len(there)}"


def _mean(lines: pd.DataFrame) -> str:
    there = lines[lines["measured"]]
    return signed(there["difference"].mean()) if len(there) else NOT_YET


def _there(frame: pd.DataFrame) -> pd.DataFrame:
    """Measured cells, each once."""
    return frame[frame["measured"] & ~frame["repeated"]]


def summary(frame: pd.DataFrame) -> str:
    """One sentence: in how many of the measured cells LRC helped, before and after Holm."""
    there = _there(frame)
    if not len(there):
        return "No cell is measured yet."
    count = there["verdict"].value_counts()
    clear, lower = count.get("higher", 0), count.get("lower", 0)
    held = there[(there["p_holm"] < 0.05)]
    signs = (held["difference"] > 0).sum()
    return (
        f"Of {len(there)} measured cells DSC is higher with LRC in "
        f"{(there['difference'] > 0).sum()}; the interval of the difference lies above 0 in "
        f"{clear}, below 0 in {lower}, and holds 0 in {len(there) - clear - lower}. After Holm's "
        f"adjustment for {len(there)} tests {len(held)} stay below p = 0.05 ({signs} of them "
        "higher with LRC)."
    )


def lost_words(frame: pd.DataFrame) -> str:
    """How much of the differences is organs that one network of a pair gave up altogether."""
    there = _there(frame)
    if not len(there):
        return "No cell is measured yet."
    uneven = there[there["lost_with"] != there["lost_without"]]
    even = there[there["lost_with"] == there["lost_without"]]
    rest = (
        f"; in the other {len(even)} the mean difference is {signed(even['difference'].mean())} "
        f"points ({(even['difference'] > 0).sum()} higher with LRC)"
        if len(even)
        else ""
    )
    return (
        f"In {len(uneven)} of {len(there)} pairs one network gave up more organs altogether than "
        f"the other (mean DSC below 1 %), which moves the mean by a step for each; "
        f"{int(there['lost_without'].sum())} organs were lost without LRC and "
        f"{int(there['lost_with'].sum())} with it{rest}. Which organs a short training gives up "
        "depends on chance, which the intervals over volumes do not know: another seed may turn a "
        "pair around."
    )


def statements(frame: pd.DataFrame, control: pd.DataFrame) -> list[dict[str, str]]:
    """The paper's sentences about Table 1 beside what the cells of ``frame`` say.

    Args:
        frame: of `ldl.experiments.lrc.pairs.table1_frame`.
        control: of `ldl.experiments.lrc.own.against_untrained`.
    """
    there = _there(frame)
    paper = frame["paper_with"] > frame["paper_without"]
    ours = there["difference"] > 0
    consistent = f"{ours.sum()} of {len(there)} cells higher" if len(there) else NOT_YET
    few, many = (_budget_mean(there, asked) for asked in (10, 60))
    printed = [
        (one["paper_with"] - one["paper_without"]).mean()
        for one in (frame[frame["asked"] == 10], frame[frame["asked"] == 60])
    ]
    rows = [
        {
            "the paper's claim": "LRC enhances pretraining in a consistent way",
            "the paper": f"{paper.sum()} of {len(frame)} cells higher",
            "here": prose(_often(ours, paper) + consistent),
        },
        {
            "the paper's claim": "it helps most in a limited annotation setting (10 over 60)",
            "the paper": f"{signed(printed[0])} against {signed(printed[1])}",
            "here": prose(_few_words(few, many)),
        },
        {
            "the paper's claim": "it is LRC's pretraining, not the second branch's parameters",
            "the paper": "Table 2, against a second MoCo",
            "here": prose(_control_words(control)),
        },
    ]
    return rows


def _often(ours: pd.Series, paper: pd.Series) -> str:
    """Whether LRC's networks are ahead in as large a share of cells as in the paper's table."""
    if not len(ours):
        return ""
    return ("as often as" if ours.mean() >= paper.mean() else "less often than") + " in the paper: "


def _budget_mean(there: pd.DataFrame, asked: int) -> float:
    """Over regions whose two budgets differ, so that a cell is not compared with itself."""
    differ = there.groupby("region")["labelled"].transform("nunique") > 1
    return float(there[differ & (there["asked"] == asked)]["difference"].mean())


def _few_words(few: float, many: float) -> str:
    if pd.isna(few) or pd.isna(many):
        return NOT_YET
    word = "same direction" if few > many else "opposite direction"
    return f"{word}: {signed(few)} against {signed(many)} (mean over pretrainings and regions)"


def _control_words(control: pd.DataFrame) -> str:
    """LRC's branch against the same U-Net untrained, beside a random encoder."""
    if not len(control):
        return NOT_YET
    count = control["verdict"].value_counts()
    parts = [
        f"{one['name']} {signed(one['difference'])} ({signed(one['low'])} to {signed(one['high'])})"
        for _, one in control.iterrows()
    ]
    return (
        f"clearly better in {count.get('higher', 0)}, clearly worse in {count.get('lower', 0)} of "
        f"{len(control)} regions against the same U-Net untrained: {'; '.join(parts)}"
    )
