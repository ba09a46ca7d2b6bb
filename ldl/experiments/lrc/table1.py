"""LRC Table 1: every global pretraining with and without LRC, three regions, two budgets."""

from ldl.engine.profiles import Profile
from ldl.experiments.lrc.configs import cell
from ldl.experiments.lrc.rows import columns, methods, row
from ldl.runs.lrc import OrganConfig
from ldl.tables.encoders import Cell, Row

# Not in the paper's Table 1: LRC alone is in its Figure 2; the untrained U-Net tells what the
# second branch gives by its size alone.
OWN = (row("random", "lrc", whole=False), row("random", "unet"))


def rows(profile: Profile) -> tuple[Row, ...]:
    """Without and with LRC in turn, then our own rows."""
    pairs = [row(method, beside) for method in methods(profile) for beside in ("alone", "lrc")]
    return (*pairs, *OWN)


def cells(profile: Profile) -> list[Cell[OrganConfig]]:
    """The cells, row by row; our own rows with the smaller budget alone."""
    return [
        cell(one, column, profile)
        for one in rows(profile)
        for column in columns(profile)
        if one not in OWN or column.asked == columns(profile)[0].asked
    ]
