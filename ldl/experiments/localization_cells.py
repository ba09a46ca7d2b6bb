"""Table 7 as pages show it: ours with its spread over the support images, and the paper's."""

import pandas as pd
from IPython.display import HTML

from ldl.experiments.cells import MARK, NOT_YET, STALE, signed
from ldl.experiments.localization_scores import PRINTED, STATUSES
from ldl.plots.tables import small_table

NOT_AT_HAND = "not at hand"
# The mean first: it is what the rows are compared by.
ORDER = (PRINTED[-1], *PRINTED[:-1])


def column_table(frame: pd.DataFrame, column: str, words: str = "") -> HTML:
    """One landmark as the paper prints it: rows against five thresholds and their mean.

    Args:
        frame: of `ldl.experiments.localization_scores.table7_frame`.
        column: its key.
        words: what the numbers were made from, for the caption.
    """
    part = frame[(frame["column"] == column) & frame["score"].isin(PRINTED)]
    # Where the data are not at hand the paper's rows are all that there is to show.
    part = part[part["at_hand"] | part["paper"].notna()]
    best = {score: lines["ours"].max() for score, lines in part[part["measured"]].groupby("score")}
    rows = []
    for _, lines in part.groupby("row", sort=False):
        by_score = lines.set_index("score", drop=False)
        cells = {"row": row_label(lines)}
        for score in ORDER:
            cells[head(score)] = accuracy_cell(by_score.loc[score], best.get(score))
        rows.append(cells)
    return small_table(rows, caption=f"<b>{part['title'].iloc[0]}.</b> {legend(part)} {words}")


def head(score: str) -> str:
    """0.05 to 0.25 of the window, or their mean."""
    return "mean" if score == "mean_accuracy" else score.removeprefix("accuracy@")


def row_label(lines: pd.DataFrame) -> str:
    """The row's name with its marks: † pretrained too short, ‡ made by other code."""
    marks = f" {MARK}" if (lines["trained"] == False).any() else ""  # noqa: E712 - None: no training
    marks += f" {STALE}" if lines["stale"].any() else ""
    if lines["measured"].any():
        return f"{lines['label'].iloc[0]}{marks}"
    why = NOT_YET if lines["at_hand"].any() else NOT_AT_HAND
    return f"{lines['label'].iloc[0]}<br><small>{why}</small>"


def accuracy_cell(line: pd.Series, best: float | None) -> str:
    """Ours ± its deviation over supports, lowest to highest; the paper's, of the mean with ours
    minus it."""
    paper = "" if pd.isna(line["paper"]) else f"<i>{line['paper']:.2f}</i>"
    if not line["measured"]:
        return f"<small>{paper or '–'}</small>"
    ours = f"{line['ours']:.1f}"
    ours = f"<b>{ours}</b>" if line["ours"] == best else ours
    parts = [
        f"{ours} <small>± {line['deviation']:.1f}</small>",
        f"<small>{line['lowest']:.0f}–{line['highest']:.0f}</small>",
    ]
    if paper and line["score"] == ORDER[0]:
        paper += f" ({signed(line['ours'] - line['paper'])})"
    return "<br>".join([*parts, *([f"<small>{paper}</small>"] if paper else [])])


def legend(part: pd.DataFrame) -> str:
    """What the cells of a table of one landmark mean."""
    there = part[part["measured"]]
    if there.empty:
        return (
            "The paper's numbers; ours are not there, because the data are not at hand."
            if not part["at_hand"].any()
            else f"The paper's numbers; ours: {NOT_YET}."
        )
    one = there.iloc[0]
    words = [
        f"Per cent of {one['queries']} queries whose answer lies within that share of the window "
        f"from the truth: mean ± standard deviation over {one['supports']} support images (bold: "
        "best of the rows), lowest–highest"
        + (
            "; <i>the paper's number</i>, of one support (and ours minus it)."
            if part["paper"].notna().any()
            else "."
        )
    ]
    if (there["trained"] == False).any():  # noqa: E712
        words.append(f"{MARK} pretraining fell short.")
    if there["stale"].any():
        words.append(f"{STALE} made by an older version of the code.")
    return " ".join(words)


def error_table(frame: pd.DataFrame, words: str = "") -> HTML:
    """Every row against every landmark: the mean radial error, and how its maps were read."""
    there = frame[frame["measured"]]
    titles = dict(zip(there["column"], there["title"], strict=True))
    rows = []
    for _, lines in frame.groupby("row", sort=False):
        if not lines["measured"].any():
            continue
        cells = {"row": row_label(lines[lines["measured"]])}
        for key, title in titles.items():
            cells[title] = error_cell(lines[lines["column"] == key].set_index("score"))
        rows.append(cells)
    caption = (
        "Mean distance of the answer to the truth in fractions of the window and in pixels, ± "
        "standard deviation over the support images; below, the shares of maps that are read as "
        "<i>found</i>, <i>ambiguous</i> (a second place is nearly as similar) or <i>flat</i> (no "
        "place stands out, or nothing is similar). The paper's protocol answers all of them, and "
        "so do the accuracies above. "
    )
    return small_table(rows, caption=caption + words)


def error_cell(by_score: pd.DataFrame) -> str:
    """Error in windows and pixels, and the four ways a map can be read in per cent."""
    if not by_score["measured"].any():
        return f"<small>{NOT_YET}</small>"
    windows, pixels = by_score.loc["mean_error_windows"], by_score.loc["mean_error"]
    found, ambiguous, flat, absent = (by_score.loc[name, "ours"] for name in STATUSES)
    return (
        f"{windows['ours']:.2f} <small>± {windows['deviation']:.2f}</small>"
        f"<br><small>{pixels['ours']:.1f} px</small>"
        f"<br><small>{found:.0f} / {ambiguous:.0f} / {flat + absent:.0f} %</small>"
    )
