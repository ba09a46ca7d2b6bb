"""Which modules a run's numbers depend on: a file for each kind of run."""

from collections.abc import Callable

from ldl.config import ComparisonConfig, PretrainConfig, Strict, TransferConfig
from ldl.config_ct import GlobalConfig
from ldl.config_localize import LocalizeConfig
from ldl.config_lrc import LocalRegionConfig, OrganConfig
from ldl.config_shape import GuideConfig, ShapeConfig
from ldl.errors import ConfigError
from ldl.experiments.dependencies import comparison, localization, lrc, pretraining, shape, transfer

# A run's own modules, and its fields that hold runs whose modules count too.
_KINDS: dict[type, tuple[Callable[..., tuple[str, ...]], tuple[str, ...]]] = {
    PretrainConfig: (pretraining.modules, ()),
    ComparisonConfig: (comparison.modules, ()),
    TransferConfig: (transfer.modules, ("encoder",)),
    LocalizeConfig: (localization.modules, ("network",)),
    GuideConfig: (shape.guide_modules, ("region",)),
    ShapeConfig: (shape.modules, ("guide",)),
    GlobalConfig: (lrc.global_modules, ()),
    LocalRegionConfig: (lrc.local_modules, ()),
    OrganConfig: (lrc.organ_modules, ("encoder", "local", "second")),
}


def modules_of(config: Strict) -> tuple[str, ...]:
    """Names of the modules that ``config``'s numbers depend on.

    Raises:
        ConfigError: it is no run.
    """
    if type(config) not in _KINDS:
        raise ConfigError(f"{type(config).__name__} is not a run")
    own, fields = _KINDS[type(config)]
    names = [*own(config)]
    for field in fields:
        if before := getattr(config, field):
            names += modules_of(before)
    return tuple(dict.fromkeys(names))
