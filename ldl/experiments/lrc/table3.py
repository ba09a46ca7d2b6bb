"""LRC Table 3: how many vectors N a region's mean is taken over; MoCo + LRC, abdomen."""

from ldl.engine.profiles import Profile
from ldl.experiments.lrc.configs import cell
from ldl.experiments.lrc.rows import Column, columns, row
from ldl.runs.lrc import OrganConfig
from ldl.tables.encoders import Cell, Row


def column(profile: Profile) -> Column:
    """ABD-110 with 10 volumes, or what stands in for it."""
    return columns(profile)[0]


def rows(profile: Profile) -> tuple[Row, ...]:
    """N of the paper and our own: 1, 200 and all pixels of a region."""
    return tuple(row("moco", "lrc", samples=samples) for samples in profile.lrc.samples)


def cells(profile: Profile) -> list[Cell[OrganConfig]]:
    """The cells; N = 50 is Table 1's."""
    return [cell(one, column(profile), profile) for one in rows(profile)]
