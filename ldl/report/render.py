"""One renderer for every table: ours with its spread, the paper's, and marks that say why not."""

import math
from collections.abc import Callable, Mapping

import pandas as pd
from IPython.display import HTML

from ldl.plots.show import download, scrolling, styled
from ldl.report.words import provenance
from ldl.tables.measure import Shown

NOT_YET = "not yet run"
MARK = "†"
STALE = "‡"
Extra = Callable[[str, str], str]


def signed(value: float, decimals: int = 1) -> str:
    """+1.2 or −1.2, with a real minus; an en dash for nan."""
    if math.isnan(value):
        return "–"
    return f"{value:+.{decimals}f}".replace("-", "−")


def group_table(
    shown: Shown, group: str | None, extra: Extra | None = None, legend: str | None = None
) -> HTML:
    """The columns of one group as the paper prints them, with what the cells mean.

    Of numbers on phantoms, or all in doubt, none is the best, for they say nothing about the paper.

    Args:
        shown: the table.
        group: its columns'; None for all columns in one table.
        extra: adds a line to the cell of (row, column).
        legend: in the place of what cells and marks mean, and of what they were made from.
    """
    whole = shown.frame[shown.frame["group"] == group] if group else shown.frame
    # The paper has one number for all shares of the labels; it stands beside ours with all labels.
    whole = whole.assign(paper=whole["paper"].mask(whole["column"].str.contains("@")))
    # A row that nobody has a number of is a name in the legend.
    there = whole["measured"] | whole["paper"].notna()
    part = whole[there.groupby(whole["row"]).transform("any")]
    columns = dict.fromkeys(part["column"])
    best = _best(part) if shown.fair else {}
    rows = {}
    for key, lines in part.groupby("row", sort=False):
        by_column = lines.set_index("column")
        rows[_label(lines)] = {
            column: _cell(
                by_column.loc[column],
                best.get(column) == key,
                extra(str(key), column) if extra else "",
            )
            for column in columns
        }
    wide = pd.DataFrame.from_dict(rows, orient="index", columns=list(columns))
    several = not group and _grouped(part)
    wide.columns = pd.Index([_head(part[part["column"] == one], several) for one in columns])
    title = f"{group}, {shown.kind}" if group else shown.kind.capitalize()
    told = _legend(shown, part) if legend is None else legend
    if left := list(whole[whole["planned"] & ~whole["row"].isin(part["row"])]["label"].unique()):
        told += f" {NOT_YET.capitalize()}: {'; '.join(left)}."
    return scrolling(styled(wide), f"<b>{title}.</b> {told}")


def whole_table(shown: Shown, extra: Extra | None = None, more: str = "") -> list[HTML]:
    """All groups, each a table of its own, so that each fits a page; the first has the legend."""
    groups = dict.fromkeys(shown.frame["group"])
    legends = [f"{_legend(shown, shown.frame)} {more}", *[""] * (len(groups) - 1)]
    return [
        group_table(shown, group, extra, legend)
        for group, legend in zip(groups, legends, strict=True)
    ]


def folded(title: str, *parts: HTML) -> HTML:
    """What few readers need, behind a line that opens."""
    body = "".join(str(part.data) for part in parts)
    return HTML(f"<details><summary>{title}</summary>{body}</details>")


def machinery(shown: Shown, *more: HTML) -> HTML:
    """A table on phantoms, folded away: it shows that each number can be made, and nothing else."""
    there = shown.frame[shown.frame["measured"]]
    means = {one.key for one in shown.table.columns(shown.profile) if one.members}
    part = there[there["column"].isin(means or there["column"])]
    wide = part.pivot_table(index="label", columns="column", values="ours", sort=False)
    several = _grouped(part)
    wide.columns = pd.Index([_head(part[part["column"] == one], several) for one in wide.columns])
    wide.index.name = None
    table = scrolling(styled(wide, decimals=1), f"{shown.table.unit}. {provenance(shown.records)}")
    every = there[["label", "group", "head", "ours", "low", "high", "cases", "seeds"]]
    name = f"{shown.table.name}-{shown.profile.name}"
    csv = download(every, name, "all columns.")
    made = f"{shown.table.name}, profile {shown.profile.name}"
    title = f"The machinery on phantoms ({made}): no evidence"
    return folded(title, table, csv, *more)


def _grouped(part: pd.DataFrame) -> bool:
    """Whether a column needs the name of its group over its own."""
    return part["group"].nunique() > 1 and (part["group"] != part["head"]).any()


def _best(part: pd.DataFrame) -> Mapping[str, str]:
    measured = part[part["measured"]]
    places = measured.groupby("column")["ours"].idxmax()
    return {part.loc[i, "column"]: part.loc[i, "row"] for i in places}


def _cell(line: pd.Series, best: bool, extra: str) -> str:
    paper = "" if pd.isna(line["paper"]) else f"<i>{line['paper']:.1f}</i>"
    if not line["measured"]:
        return f"<small>{paper or '–'}</small>"
    ours = f"{line['ours']:.1f}"
    below = (f"{line['low']:.1f}–{line['high']:.1f}", paper, extra)
    parts = [f"<b>{ours}</b>" if best else ours, *(f"<small>{one}</small>" for one in below if one)]
    return "<br>".join(parts)


def _label(lines: pd.DataFrame) -> str:
    """The row's name with its marks and how many seeds it has."""
    there = lines[lines["measured"]]
    marks = f" {MARK}" if (there["trained"] == False).any() else ""  # noqa: E712 - None: from scratch
    marks += f" {STALE}" if there["stale"].any() else ""
    if len(there):
        seeds = int(there["seeds"].min())
        return f"{lines['label'].iloc[0]}{marks}" + (
            f"<br><small>{seeds} seeds</small>" if seeds > 1 else ""
        )
    why = NOT_YET if lines["planned"].any() else ""
    return f"{lines['label'].iloc[0]}<br><small>{why}</small>" if why else lines["label"].iloc[0]


def _head(lines: pd.DataFrame, with_group: bool) -> str:
    name, cases = lines["head"].iloc[0], lines.loc[lines["measured"], "cases"]
    # "BTCV, in the place of ABD-110": its first word is enough over a column.
    name = f"{lines['group'].iloc[0].split(',')[0]}<br>{name}" if with_group else name
    return f"{name}<br><small>n = {int(cases.max())}</small>" if len(cases) else str(name)


def _legend(shown: Shown, part: pd.DataFrame) -> str:
    """What cells and marks mean; marks that do not occur are left out."""
    there = part[part["measured"]]
    if there.empty:
        return f"The paper's numbers; ours: {NOT_YET}."
    bold = " (bold: our best)" if shown.fair else ""
    over = "seeds and " if (there["draws"] > 1).any() else ""
    paper = "; <i>the paper's</i>" if part["paper"].notna().any() else ""
    marks = [""]
    if (there["trained"] == False).any():  # noqa: E712
        marks.append(f"{MARK} the encoder was not trained far enough here.")
    if there["stale"].any():
        marks.append(f"{STALE} made by an older version.")
    return (
        f"{shown.table.unit}: ours{bold}, its 95 % interval over {over}n {shown.table.case}"
        f"{paper}.{' '.join(marks)} {provenance(shown.records)}"
    )
