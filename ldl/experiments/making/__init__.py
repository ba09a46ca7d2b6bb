"""Makes one run, whatever its kind: a file for each kind, what goes in and comes out for all."""

from collections.abc import Callable

from ldl.config import ComparisonConfig, PretrainConfig, TransferConfig
from ldl.config_ct import GlobalConfig
from ldl.config_localize import LocalizeConfig
from ldl.config_lrc import LocalRegionConfig, OrganConfig
from ldl.config_shape import GuideConfig, ShapeConfig
from ldl.experiments.making import comparison, localization, lrc, pretraining, shape, transfer
from ldl.experiments.making.made import How, Made
from ldl.experiments.store import Run

_KINDS: dict[type, Callable[..., Made]] = {
    PretrainConfig: pretraining.make,
    ComparisonConfig: comparison.make,
    TransferConfig: transfer.make,
    LocalizeConfig: localization.make,
    GuideConfig: shape.make_guide,
    ShapeConfig: shape.make,
    GlobalConfig: lrc.make_global,
    LocalRegionConfig: lrc.make_local,
    OrganConfig: lrc.make_organs,
}


def make(run: Run, how: How) -> Made:
    """Make ``run``; what it needs is asked of ``how`` and made first."""
    return _KINDS[type(run)](run, how)
