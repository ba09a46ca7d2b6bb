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
# # Claim board
#
# Every sentence of the two papers that compares two things, and what our runs on real images say of it; {doc}`reproduce` has the rule behind a verdict. The list is a file, `ldl/tables/csv/sentences.yaml`; whoever misses a sentence adds it there.

# %% tags=["parameters", "remove-input"]
profile: str = "demo"

# %% tags=["remove-input"]
import numpy as np
import pandas as pd
from IPython.display import Markdown, display

from ldl import plots, report
from ldl.book.parameters import check
from ldl.engine.store import RunStore
from ldl.tables import TABLES
from ldl.tables.compare import findings, sentences
from ldl.tables.measure import show

check("claims", globals())
store = RunStore()
shown = {name: show(name, "open", store) for name in TABLES}
found = findings(sentences(), shown)


# %% tags=["remove-input"]
def runs_of(keys, table):
    """Ids of the records of some cells."""
    cells = (shown[table].cells.get(key) for key in keys)
    return sorted({one["run_id"] for cell in cells if cell for one in cell.records})


def line(sentence, compared, paper, ours, cases, verdict, ids):
    """One line of the board and of the csv."""
    return {
        "sentence": sentence.says,
        "where": f"{sentence.paper}, {sentence.where}",
        "compared": compared,
        "the paper": paper,
        "ours": ours,
        "n (seeds)": cases,
        "verdict": verdict,
        "runs": ids,
    }


def head(claim):
    """Where a claim is tested, in few words; the two tables of shapes by their masks."""
    masks = {"table5": "DSA masks", "table6": "OCTA masks"}
    return masks.get(claim.table) or report.head_of(claim, shown[claim.table])


def each(sentence):
    """A line for every pair of rows."""
    for one in found[sentence]:
        claim, gap = one.claim, one.found
        ours = (
            f"{report.signed(gap.value)} ({report.signed(gap.low)} to {report.signed(gap.high)})"
            if gap
            else ""
        )
        cases = f"{gap.cases} ({gap.seeds})" if gap else ""
        ids = (
            runs_of([(claim.better, claim.column), (claim.worse, claim.column)], claim.table)
            if gap
            else []
        )
        yield line(
            sentence,
            f"{claim.text}: {head(claim)}",
            report.signed(one.paper),
            ours,
            cases,
            one.verdict,
            ids,
        )


def counted(sentence):
    """A line for every column: how many of its pairs are above zero."""
    for column in dict.fromkeys(one.claim.column for one in found[sentence]):
        part = [one for one in found[sentence] if one.claim.column == column]
        made, printed = (
            [one for one in part if one.found],
            [one.paper for one in part if not np.isnan(one.paper)],
        )
        paper = f"{sum(gap > 0 for gap in printed)} of {len(printed)}" if printed else ""
        ours = f"{sum(one.found.value > 0 for one in made)} of {len(made)}" if made else ""
        keys = [(key, column) for one in made for key in (one.claim.better, one.claim.worse)]
        verdict = report.count_words(made) if made else "not yet run"
        yield line(
            sentence,
            f"{len(part)} pairs: {head(part[0].claim)}",
            paper,
            ours,
            "",
            verdict,
            runs_of(keys, part[0].claim.table),
        )


def wins(sentence):
    """In how many columns the best of some rows is above the best of the others."""
    ((table, better, worse, columns),) = sentence.rows
    one = shown[table]
    frame = one.frame.pivot(index="row", columns="column", values=["ours", "paper"])
    told = {}
    for value in ("paper", "ours"):
        part = frame[value][columns]
        whole = [
            column for column in columns if part.loc[[better[0], worse[0]], column].notna().all()
        ]
        told[value] = (
            f"{int((part.loc[better, whole].max() > part.loc[worse, whole].max()).sum())} of {len(whole)}"
            if whole
            else ""
        )
    keys = [(row, column) for row in (*better, *worse) for column in columns]
    yield line(
        sentence,
        "best of ours over best of the others: task by task",
        told["paper"],
        told["ours"],
        "",
        "counted, not tested" if told["ours"] else "not yet run",
        runs_of(keys, table),
    )


HOW = {"each": each, "count": counted, "wins": wins}
board = []
for sentence in found:
    lines = list(HOW[sentence.how](sentence)) if not sentence.why else []
    board += lines or [line(sentence, "", "", "", "", sentence.why, [])]
frame = pd.DataFrame(board)
made, silent = frame[frame["runs"].map(len) > 0], [one for one in found if one.why]
text = (
    f"{len(found)} sentences. {made['sentence'].nunique()} of them have runs here, {len(silent)} are decided by no run, the others are not yet run; each says so. "
    f"Pairs of rows that were run: {report.count_words([one for part in found.values() for one in part if one.found])}."
)
Markdown(text)


# %% tags=["remove-input"]
def table(paper):
    """The board of one paper: under each sentence its comparisons, or why there is none."""
    rows, last, pair = [], "", ""
    part = frame[frame["where"].str.startswith(paper)]
    run = set(part.loc[part["ours"] != "", "sentence"])
    for one in part.to_dict("records"):
        if one["sentence"] != last:
            last, pair = one["sentence"], ""
            why = (
                ""
                if last in run
                else f"<br><small>{one['verdict'][:1].upper()}{one['verdict'][1:]}</small>"
            )
            rows.append(f"{last} <small>{one['where'].partition(', ')[2]}</small>{why}")
        if last not in run:
            continue
        before, _, column = one["compared"].rpartition(": ")
        told = column if before == pair else one["compared"]
        pair = before
        rows.append(
            {
                "compared": told,
                "ours": one["ours"].replace(" (", " <small>").replace(")", "</small>"),
                "the paper": one["the paper"],
                "n (seeds)": one["n (seeds)"],
                "verdict": one["verdict"],
            }
        )
    return plots.small_table(
        rows,
        wraps=True,
        caption=f"{paper}. Differences in points, paired by case and seed, with 95 % intervals over both; of several pairs, how many are above zero."
        + (
            " The paper's chest numbers are means over five shares of the labels."
            if paper == "LDL"
            else ""
        ),
    )


display(table("LDL"))
display(table("LRC"))
plots.download(
    frame.assign(runs=frame["runs"].map(" ".join)),
    "claims",
    "the board with the ids of all runs; a record is the file of that name below <code>results/open/</code>.",
)
