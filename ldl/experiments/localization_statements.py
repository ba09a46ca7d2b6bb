"""The paper's claims about one-shot localization beside what the records say, as tables."""

from collections.abc import Sequence

import pandas as pd
from IPython.display import HTML

from ldl.experiments import localization_claims as claims
from ldl.experiments.cells import NOT_YET, signed
from ldl.experiments.localization_page import Shown
from ldl.plots.tables import prose, small_table


def claim_table(shown: Shown, judged: Sequence[claims.Judged], *, own: bool = False) -> HTML:
    """Claims against landmarks: verdict, difference with its interval, the paper's difference."""
    rows = []
    for claim, found in judged:
        cells = {"question" if own else "the paper's claim": prose(claim.text)}
        for column, finding in found:
            cells[column.title] = _cell(finding, shown.phantom)
        rows.append(cells)
    measure = "points of mean accuracy; of the peak: of sharpness, 0 to 1"
    caption = (
        f"Differences ({measure}) over the same support images and queries, with a 95 % interval "
        "from both drawn anew"
        + ("." if own else "; <i>the paper's difference</i>, of one support and without spread.")
        + (" On phantoms nothing is judged." if shown.phantom else "")
    )
    return small_table(rows, caption=caption)


def _cell(finding: claims.Finding | None, phantom: bool) -> str:
    if finding is None:
        return f"<small>{NOT_YET}</small>"
    digits = 1 if finding.claim.value == "accuracy" else 2
    gain, low, high = (
        f"{each:+.{digits}f}".replace("-", "−")
        for each in (finding.gain, finding.low, finding.high)
    )
    verdict = [] if phantom else [finding.verdict]
    paper = [] if pd.isna(finding.paper) else [f"<small><i>{signed(finding.paper)}</i></small>"]
    return "<br>".join([*verdict, gain, f"<small>{low} to {high}</small>", *paper])
