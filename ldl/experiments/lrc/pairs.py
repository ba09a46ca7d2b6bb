"""Every pretraining with LRC beside the same without, as one long frame."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ldl.engine.profiles import Profile
from ldl.engine.store import RunStore
from ldl.experiments.lrc.configs import cell
from ldl.experiments.lrc.numbers import Scores, compared, measured
from ldl.experiments.lrc.rows import GLOBAL, Beside, Column, columns, methods, row
from ldl.stats import holm
from ldl.tables.published import value

NONE = float("nan")


def table1_frame(profile: Profile, store: RunStore) -> pd.DataFrame:
    """One line for each pretraining and column of Table 1.

    Columns: method, label, planned, column, region, labelled, asked, without, with, hd_without,
    hd_with (mm), lost_without, lost_with (organs not found at all), organs, difference, low, high
    (points, t interval), effect, p, p_holm (over all measured lines but repeated ones), volumes,
    seeds, verdict, paper_without, paper_with, stale, measured, repeated.
    """
    known = methods(profile)
    lines = [
        _line(method, column, profile, store, known)
        for method in GLOBAL
        for column in columns(profile)
    ]
    frame = pd.DataFrame(lines)
    # Where the larger budget is what the smaller one has, its cells are the same runs.
    frame["repeated"] = frame.duplicated(["method", "region", "labelled"])
    frame["p_holm"] = holm(frame["p"].where(~frame["repeated"]).tolist())
    return frame


def _line(
    method: str, column: Column, profile: Profile, store: RunStore, known: Sequence[str]
) -> dict[str, object]:
    planned = method in known
    pair = [_scores(method, beside, column, profile, store, planned) for beside in ("alone", "lrc")]
    return {
        "method": method,
        "label": GLOBAL[method],
        "planned": planned,
        "column": column.key,
        "region": column.region,
        "labelled": column.labelled,
        "asked": column.asked,
        **gap(pair[1], pair[0]),
        "paper_without": paper(column, method, "without_lrc"),
        "paper_with": paper(column, method, "with_lrc"),
    }


def _scores(
    method: str, beside: Beside, column: Column, profile: Profile, store: RunStore, planned: bool
) -> Scores | None:
    return measured(cell(row(method, beside), column, profile), store) if planned else None


def paper(column: Column, method: str, which: str) -> float:
    """The paper's DSC in per cent; nan where it prints none."""
    found = value("lrc_table1", f"{column.published}_{which}", global_pretraining=GLOBAL[method])
    return NONE if found is None else found


def gap(first: Scores | None, second: Scores | None) -> dict[str, object]:
    """The numbers of a pair, "with" the first and "without" the second; nan where one lacks."""
    both = compared(first, second) if first and second else None
    there = [one for one in (first, second) if one]
    return {
        "with": first.mean if first else NONE,
        "without": second.mean if second else NONE,
        "hd_with": first.distance if first else NONE,
        "hd_without": second.distance if second else NONE,
        "lost_with": first.lost if first else 0,
        "lost_without": second.lost if second else 0,
        "organs": len(there[0].organs) if there else 0,
        "difference": both.difference if both else NONE,
        "low": both.low if both else NONE,
        "high": both.high if both else NONE,
        "effect": both.effect if both else NONE,
        "p": both.p if both else NONE,
        "verdict": both.verdict if both else "",
        "volumes": len(there[0].ids) if there else 0,
        "seeds": there[0].seeds if there else 0,
        "stale": any(one.stale for one in there),
        "measured": both is not None,
    }


def table2_frame(profile: Profile, store: RunStore) -> pd.DataFrame:
    """One line for each pretraining of Table 2: "with" LRC, "without" a second MoCo in its place.

    Columns as `table1_frame`, and paper_with, paper_without.
    """
    from ldl.experiments.lrc import table2

    column, known, lines = table2.column(profile), methods(profile), []
    for method in table2.CONTROLLED:
        planned = method in known
        pair = [
            _scores(method, beside, column, profile, store, planned) for beside in ("lrc", "moco2")
        ]
        printed = [
            value("lrc_table2", GLOBAL[method], added_branch=name) for name in ("w/ LRC", "w/ MoCo")
        ]
        lines.append(
            {
                "method": method,
                "label": GLOBAL[method],
                "planned": planned,
                "column": column.key,
                **gap(*pair),
                "paper_with": printed[0],
                "paper_without": printed[1],
            }
        )
    frame = pd.DataFrame(lines)
    frame["p_holm"] = holm(frame["p"].tolist())
    return frame


def table3_frame(profile: Profile, store: RunStore) -> pd.DataFrame:
    """One line for each N of Table 3: samples, label, dsc, low, high, hd95, and against N = 50.

    ``low`` and ``high`` are a bootstrap interval over volumes; ``difference`` and what follows it
    compare with N = 50 by volumes.
    """
    from ldl.experiments.lrc import table3

    column, found = table3.column(profile), {}
    for samples in profile.lrc.samples:
        planned = cell(row("moco", "lrc", samples=samples), column, profile)
        found[samples] = measured(planned, store)
    chosen, lines = found.get(50), []
    for samples, scores in found.items():
        low, high = scores.interval if scores else (NONE, NONE)
        against = gap(scores, chosen)
        printed = [50, 10, 100]
        lines.append(
            {
                "samples": samples,
                "label": f"{samples}" if samples else "all pixels",
                "dsc": scores.mean if scores else NONE,
                "dsc_low": low,
                "dsc_high": high,
                "hd95": scores.distance if scores else NONE,
                **{key: against[key] for key in ("difference", "low", "high", "effect", "p")},
                "volumes": against["volumes"],
                "paper": _table3_paper(samples) if samples in printed else NONE,
                "measured": scores is not None,
            }
        )
    return pd.DataFrame(lines)


def _table3_paper(samples: int | None) -> float:
    from ldl.tables.published import published

    frame = published("lrc_table3").set_index("samples_per_region")
    return 100 * float(frame["DSC"].get(samples, np.nan))
