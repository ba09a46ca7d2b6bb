"""Claims as a table and as a forest: the paper's difference, ours with interval, the verdict."""

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
from IPython.display import HTML
from matplotlib.figure import Figure

from ldl.plots import claims_forest, prose, small_table
from ldl.report.render import signed
from ldl.tables.base import Claim
from ldl.tables.compare import Finding, counted
from ldl.tables.measure import Shown

Extra = Callable[[Claim], str]


def claim_rows(
    findings: Sequence[Finding], heads: dict[str, str], extra: Extra | None = None
) -> list[dict[str, Any]]:
    """One line a claim; ``heads`` names the columns of the claims' table.

    ``extra`` adds a line to a claim's difference.
    """
    rows = []
    for each in findings:
        found = each.found
        rows.append(
            {
                "comparison": f"{each.claim.text}<br><small>{heads[each.claim.column]}</small>",
                "the paper": signed(each.paper),
                "ours": f"{signed(found.value)}<br><small>{signed(found.low)} to "
                f"{signed(found.high)}</small>{_more(extra, each.claim)}"
                if found
                else "–",
                "n": f"{found.cases}<br><small>{found.seeds} seed{'s' * (found.seeds > 1)}</small>"
                if found
                else "",
                "verdict": prose(each.verdict)
                + ("" if pd.isna(each.p) else f"<br><small>p = {each.p:.2g}</small>"),
            }
        )
    return rows


def _more(extra: Extra | None, claim: Claim) -> str:
    line = extra(claim) if extra else ""
    return f"<br><small>{line}</small>" if line else ""


def heads_of(shown: Shown) -> dict[str, str]:
    """What each column of a table is called in a list of claims."""
    columns = shown.table.columns(shown.profile)
    alone = len({column.label for column in columns}) == len(columns)
    return {
        column.key: column.group
        if column.members
        else column.label
        if alone
        else f"{column.group}: {column.label}"
        for column in columns
    }


def claims_table(findings: Sequence[Finding], shown: Shown, extra: Extra | None = None) -> HTML:
    """Claims, the paper's difference and ours, and what follows; nothing is judged on phantoms."""
    caption = (
        f"Differences in {shown.table.unit}, paired by {shown.table.case} and seed, with their "
        "95 % interval over both. <i>Reproduced</i> asks for more than one seed, an interval clear "
        "of 0 on the paper's side and a difference of interest, as stated before the runs."
    )
    if not all(pd.isna(each.p) for each in findings):
        caption += (
            " p is adjusted by Holm over its family, and a claim of it with p of 0.05 or more is "
            "undecided."
        )
    rows = claim_rows(findings, heads_of(shown), extra)
    return small_table(rows, caption=caption) if rows else HTML("<p>Nothing to compare yet.</p>")


def count_words(findings: Sequence[Finding]) -> str:
    """How many have each verdict: "3 reproduced, 2 undecided"."""
    return ", ".join(f"{number} {verdict}" for verdict, number in counted(findings).items())


def forest(findings: Sequence[Finding], shown: Shown, **look: Any) -> Figure:
    """The same as a figure; claims without numbers are left out."""
    heads = heads_of(shown)
    frame = pd.DataFrame(
        {
            "claim": each.claim.text,
            "group": heads[each.claim.column],
            "paper": each.paper,
            "ours": each.found.value,
            "low": each.found.low,
            "high": each.found.high,
            "verdict": each.verdict,
        }
        for each in findings
        if each.found
    )
    return claims_forest(frame, **look)
