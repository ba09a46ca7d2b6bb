"""Tables 2 to 4 as pages show them: ours with its spread, the paper's and the difference."""

import pandas as pd
from pandas.io.formats.style import Styler

from ldl.plots.tables import styled

NOT_YET = "not yet run"
EMPTY = "left empty, as in the paper"
MARK = "†"
STALE = "‡"


def best_rows(frame: pd.DataFrame) -> set[tuple[str, str]]:
    """(row, column) of the highest measured value of each column."""
    measured = frame[frame["measured"]]
    places = measured.groupby("column", sort=False)["ours"].idxmax()
    return {(frame.loc[i, "row"], frame.loc[i, "column"]) for i in places}


def cell_html(line: pd.Series, best: bool) -> str:
    """Ours (bold if best), its interval, its seeds; then the paper's and the difference."""
    paper = "" if pd.isna(line["paper"]) else f"<i>{line['paper']:.2f}</i>"
    if not line["measured"]:
        return f"<small>{paper or '–'}</small>"
    ours = f"{line['ours']:.1f}"
    ours = f"<b>{ours}</b>" if best else ours
    parts = [ours, f"<small>{line['low']:.1f}–{line['high']:.1f}</small>"]
    if line["seeds"] > 1:
        parts.append(f"<small>± {line['seed_deviation']:.1f} ({line['seeds']} seeds)</small>")
    if paper:
        parts.append(f"<small>{paper} ({signed(line['difference'])})</small>")
    return "<br>".join(parts)


def signed(value: float) -> str:
    """+1.2 or −1.2, with a real minus."""
    return f"{value:+.1f}".replace("-", "−")


def row_label(lines: pd.DataFrame) -> str:
    """The row's name with its marks: † pretrained too short, ‡ made by other code."""
    marks = ""
    if (lines["trained"] == False).any():  # noqa: E712 - None means from scratch
        marks += f" {MARK}"
    if lines["stale"].any():
        marks += f" {STALE}"
    rest = "" if lines["measured"].any() else f"<br><small>{absence(lines)}</small>"
    return f"{lines['label'].iloc[0]}{marks}{rest}"


def absence(lines: pd.DataFrame) -> str:
    """Why none of these numbers is there: nobody ran them, or there is nothing to run."""
    return NOT_YET if lines["planned"].any() else EMPTY


def table_style(frame: pd.DataFrame, columns: list[str]) -> Styler:
    """A long frame of `ldl.experiments.tables.table_frame` as a table of the given columns."""
    part = frame[frame["column"].isin(columns)]
    best = best_rows(part)
    heads = {column: _head(part[part["column"] == column], column) for column in columns}
    rows = {}
    for key, lines in part.groupby("row", sort=False):
        by_column = lines.set_index("column")
        rows[row_label(lines)] = {
            heads[column]: cell_html(by_column.loc[column], (key, column) in best)
            for column in columns
        }
    wide = pd.DataFrame.from_dict(rows, orient="index", columns=list(heads.values()))
    return styled(wide)


def _head(lines: pd.DataFrame, column: str) -> str:
    images = lines.loc[lines["measured"], "images"]
    if column.endswith("_mean"):
        return "Mean"
    return f"{column}<br><small>n = {images.iloc[0]}</small>" if len(images) else column


def legend(frame: pd.DataFrame) -> str:
    """What the cells and marks of this table mean; marks that do not occur are left out."""
    words = [
        "Each cell: our mean DSC in percent (bold: best of our rows in that column), its 95 % "
        "bootstrap interval over the n test images; <i>the paper's number</i> and ours minus it."
    ]
    if (frame["trained"] == False).any():  # noqa: E712
        words.append(f"{MARK} pretraining fell short (see the encoders below).")
    if frame["stale"].any():
        words.append(f"{STALE} made by an older version of the code.")
    return " ".join(words)
