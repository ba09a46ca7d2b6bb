"""Claims as a table and as a forest: the paper's difference, ours with interval, the verdict."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
from IPython.display import HTML
from matplotlib.figure import Figure

from ldl.plots import claims_forest, download, small_table
from ldl.report.render import signed
from ldl.tables import PAGES
from ldl.tables.base import Claim
from ldl.tables.compare import Finding, counted
from ldl.tables.measure import Shown


def head_of(claim: Claim, shown: Shown) -> str:
    """Where a claim is tested, in few words: "fundus", "chest, 20 %", "BTCV, 10 volumes"."""
    columns = {column.key: column for column in shown.table.columns(shown.profile)}
    if claim.column not in columns:
        return claim.column
    one = columns[claim.column]
    place, _, stands_for = one.group.partition(", in the place of ")
    group = (
        place.replace("Colour fundus", "fundus")
        .replace("Chest X-ray", "chest")
        .replace(" of the labels", "")
    )
    if one.members:
        return group
    alone = len({column.label for column in columns.values()}) == len(columns)
    return one.label if alone and not stands_for else f"{group}: {one.label}"


def claims_table(
    findings: Sequence[Finding], shown: Shown, extra: Callable[[Claim], str] | None = None
) -> HTML:
    """Claims, the paper's difference and ours, and what follows; nothing is judged on phantoms.

    ``extra`` adds a line to a claim's difference.
    """
    if not findings:
        return HTML("<p>Nothing to compare yet.</p>")
    caption = (
        f"Differences in {shown.table.unit}, paired by {shown.table.case} and seed, with their "
        "95 % interval over both."
    )
    rows = []
    printed = any(not pd.isna(each.paper) for each in findings)
    for each in findings:
        claim, found = each.claim, each.found
        more = extra(claim) if extra else ""
        p = "" if pd.isna(each.p) else f"<br><small>p = {each.p:.2g} (Holm)</small>"
        rows.append(
            {
                "comparison": f"{claim.text}<br><small>{head_of(claim, shown)}</small>",
                **({"the paper": signed(each.paper)} if printed else {}),
                "ours": interval(each) + (f"<br><small>{more}</small>" if more else ""),
                "n (seeds)": f"{found.cases} ({found.seeds})" if found else "",
                "verdict": each.verdict + p,
            }
        )
    return small_table(rows, caption=caption, wraps=True)


def claims_csv(findings: Sequence[Finding], shown: Shown) -> HTML:
    """The same as a file, for many."""
    lines = [
        {
            "comparison": each.claim.text,
            "where": head_of(each.claim, shown),
            "paper": each.paper,
            "ours": each.found.value,
            "low": each.found.low,
            "high": each.found.high,
            "n": each.found.cases,
            "seeds": each.found.seeds,
            "p_holm": each.p,
            "verdict": each.verdict,
        }
        for each in findings
        if each.found
    ]
    about = f"all {len(lines)} comparisons with interval, n, seeds, p (Holm) and verdict."
    return download(pd.DataFrame(lines), f"{shown.table.name}-comparisons", about)


def interval(each: Finding) -> str:
    """A difference over its interval, for a cell."""
    found = each.found
    if found is None:
        return "–"
    return f"{signed(found.value)}<br><small>{signed(found.low)} to {signed(found.high)}</small>"


def count_words(findings: Sequence[Finding]) -> str:
    """How many have each verdict: "3 reproduced, 2 undecided"."""
    return ", ".join(f"{number} {verdict}" for verdict, number in counted(findings).items())


def forest(findings: Sequence[Finding], shown: Shown | Mapping[str, Shown], **look: Any) -> Figure:
    """The same as a figure, of one table or of several, place by place.

    Claims without numbers are left out.
    """

    def group(claim: Claim) -> str:
        if isinstance(shown, Shown):
            return head_of(claim, shown)
        return f"{PAGES[claim.table][0]}, {head_of(claim, shown[claim.table])}"

    lines = [
        {
            "claim": each.claim.text,
            "group": group(each.claim),
            "paper": each.paper,
            "ours": each.found.value,
            "low": each.found.low,
            "high": each.found.high,
            "verdict": each.verdict,
        }
        for each in findings
        if each.found
    ]
    places = list(dict.fromkeys(line["group"] for line in lines))
    lines.sort(key=lambda line: places.index(line["group"]))
    return claims_forest(pd.DataFrame(lines), **look)


def forest_words(findings: Sequence[Finding]) -> str:
    """The figure in words, for readers who do not see it."""
    made = [each for each in findings if each.found]
    return "; ".join(f"{e.claim.text}: {signed(e.found.value)}, {e.verdict}" for e in made) + "."  # type: ignore[union-attr]
