"""Cells of LRC's tables as a page shows them."""

import math
from collections.abc import Callable

import pandas as pd
from IPython.display import HTML

from ldl.plots.tables import scrolling, styled
from ldl.report import NOT_YET, STALE, signed
from ldl.tasks import FACTS, REGIONS

ABSENT = "not in this profile"
WORDS = {"higher": "helped", "lower": "hurt", "undecided": "undecided"}


def pair_cell(line: pd.Series) -> str:
    """Without, with, their difference with its interval and p; the paper's below."""
    paper = _paper(line)
    if line.get("repeated", False):
        return f"<small>as at the left<br>{paper}</small>"
    if not line["measured"]:
        return f"<small>{NOT_YET if line['planned'] else ABSENT}<br>{paper}</small>"
    ours = f"{line['without']:.1f} → {line['with']:.1f}"
    gap = f"<b>{signed(line['difference'])}</b>" if decided(line) else signed(line["difference"])
    mark = f" {STALE}" if line["stale"] else ""
    parts = [f"{ours} ({gap}){mark}", f"<small>{spread(line)}</small>", f"<small>{paper}</small>"]
    return "<br>".join(part for part in parts if part)


def decided(line: pd.Series) -> bool:
    """Whether the interval of the difference leaves 0 out."""
    return line["verdict"] in ("higher", "lower")


def spread(line: pd.Series) -> str:
    """Interval, effect size and p of a difference, with real minus signs."""
    if math.isnan(line["low"]):
        return "one volume"
    effect = "–" if math.isnan(line["effect"]) else signed(line["effect"])
    return f"{signed(line['low'])} to {signed(line['high'])}, d {effect}, {p_words(line['p'])}"


def p_words(p: float) -> str:
    """p with three decimals; the permutations drawn say no more."""
    return "p &lt; 0.001" if p < 0.001 else f"p {p:.3f}"


def _paper(line: pd.Series) -> str:
    without, with_ = line["paper_without"], line["paper_with"]
    if pd.isna(without) or pd.isna(with_):
        return ""
    return f"<i>{without:.1f} → {with_:.1f} ({signed(with_ - without)})</i>"


def wide_table(
    frame: pd.DataFrame, columns: dict[str, str], cell: Callable[[pd.Series], str], caption: str
) -> HTML:
    """Rows are pretrainings, columns as given (key -> head), each cell by ``cell``."""
    rows = {}
    for label, lines in frame.groupby("label", sort=False):
        by_column = lines.set_index("column")
        rows[str(label)] = {head: cell(by_column.loc[key]) for key, head in columns.items()}
    wide = pd.DataFrame.from_dict(rows, orient="index", columns=list(columns.values()))
    return scrolling(styled(wide), caption)


def table1_heads(frame: pd.DataFrame) -> dict[str, str]:
    """Heads of the six columns: the paper's set, volumes learned from, volumes tested."""
    heads = {}
    for region in REGIONS:
        part = frame[frame["region"] == region]
        for key, lines in part.groupby("column", sort=False):
            first, most = lines.iloc[0], int(lines["volumes"].max())
            asked = "" if first["asked"] == first["labelled"] else f" (for {first['asked']})"
            n = f"n = {most}" if most else NOT_YET
            n += ", all there are: as at the left" if first["repeated"] else ""
            heads[str(key)] = (
                f"{FACTS[region].column}<br>|X<sub>T</sub>| = {first['labelled']}{asked}"
                f"<br><small>{n}</small>"
            )
    return heads


LEGEND = (
    "Each cell: mean DSC in per cent without → with LRC (difference; bold where its interval "
    "leaves 0 out); the 95 % t interval of the difference over the n test volumes, the effect size "
    "d<sub>z</sub>, and p of a paired sign-flip test, not adjusted; <i>the paper's</i>."
)
