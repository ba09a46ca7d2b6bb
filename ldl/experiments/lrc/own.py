"""Our own rows beside Table 1: LRC alone, and an untrained U-Net in LRC's place."""

import pandas as pd

from ldl.engine.profiles import Profile
from ldl.engine.store import RunStore
from ldl.experiments.lrc.configs import cell
from ldl.experiments.lrc.numbers import measured
from ldl.experiments.lrc.pairs import NONE, gap
from ldl.experiments.lrc.rows import columns, row
from ldl.experiments.lrc.table1 import OWN
from ldl.tasks import FACTS


def own_frame(profile: Profile, store: RunStore) -> pd.DataFrame:
    """One line for each own row and region at the smaller budget.

    ``with`` is Random init + LRC, ``without`` the own row; columns as `pairs.table1_frame`.
    """
    few = [column for column in columns(profile) if column.asked == columns(profile)[0].asked]
    lines = []
    for one in OWN:
        for column in few:
            both = measured(cell(row("random", "lrc"), column, profile), store)
            alone = measured(cell(one, column, profile), store)
            lines.append(
                {
                    "label": one.label,
                    "planned": True,
                    "column": column.key,
                    "region": column.region,
                    "labelled": column.labelled,
                    "asked": column.asked,
                    **gap(both, alone),
                    "paper_with": NONE,
                    "paper_without": NONE,
                }
            )
    return pd.DataFrame(lines)


def against_untrained(frame: pd.DataFrame) -> pd.DataFrame:
    """Random + LRC against random + untrained U-Net: the measured lines of `own_frame`."""
    found = frame[frame["measured"] & (frame["label"] == OWN[1].label)]
    return found.assign(name=[FACTS[region].column for region in found["region"]])
