"""LRC Table 2: LRC against a second MoCo network of equal size, abdomen, the larger budget."""

from ldl.engine.profiles import Profile
from ldl.experiments.lrc.configs import cell
from ldl.experiments.lrc.rows import CONTROLLED, Column, columns, methods, row
from ldl.runs.lrc import OrganConfig
from ldl.tables.encoders import Cell, Row


def column(profile: Profile) -> Column:
    """ABD-110 with 60 volumes, or what stands in for it."""
    return columns(profile)[1]


def rows(profile: Profile) -> tuple[Row, ...]:
    """Each pretraining beside a second MoCo and beside LRC."""
    known = [method for method in CONTROLLED if method in methods(profile)]
    return tuple(row(method, beside) for method in known for beside in ("moco2", "lrc"))


def cells(profile: Profile) -> list[Cell[OrganConfig]]:
    """The cells; those with LRC are Table 1's."""
    return [cell(one, column(profile), profile) for one in rows(profile)]
