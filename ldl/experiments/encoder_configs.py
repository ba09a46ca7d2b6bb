"""Which pretraining a method's name stands for under a profile."""

from typing import Any, TypeVar

from ldl.config import build
from ldl.engine.profiles import profile_named
from ldl.errors import ConfigError
from ldl.experiments.rows import Variant
from ldl.methods import COMPARISONS, METHODS
from ldl.runs.pretrain import ComparisonName, EncoderConfig, MethodName
from ldl.tables.encoders import comparison_config, ldl_config
from ldl.tasks import Modality

Config = TypeVar("Config", bound=EncoderConfig)


def title_of(method: str) -> str:
    """The name of a method in the tables."""
    return METHODS[method].title if method in METHODS else COMPARISONS[method].title


def variant_of(method: str) -> Variant:
    """The row of a method as Table 2 has it: Rd with 16 clusters.

    Raises:
        ConfigError: unknown method; the line names the known ones.
    """
    if method not in METHODS and method not in COMPARISONS:
        known = ", ".join([*METHODS, *COMPARISONS])
        raise ConfigError(f"unknown method {method!r}; use one of {known}")
    return Variant(method, clusters=16 if method == "rd" else 0)  # type: ignore[arg-type]


def config_of(
    method: MethodName | ComparisonName,
    modality: Modality,
    profile: str,
    seed: int = 0,
    **knobs: Any,
) -> EncoderConfig:
    """The pretraining that ``profile`` plans for ``method``; ``knobs`` replace fields of it.

    Raises:
        ConfigError: unknown profile or method, or a value that a field cannot have.
    """
    plan = ldl_config if method in METHODS else comparison_config
    config: EncoderConfig = plan(variant_of(method), modality, profile_named(profile), seed)
    return with_knobs(config, **knobs)


def with_knobs(config: Config, **knobs: Any) -> Config:
    """``config`` with other values of some fields, its step 1 too where the knob is not Rd's own.

    Raises:
        ConfigError: an unknown field, or a value it cannot have.
    """
    if not knobs:
        return config
    fields = {name: getattr(config, name) for name in type(config).model_fields}
    if config.step1 is not None:
        shared = {name: value for name, value in knobs.items() if name != "clusters"}
        fields["step1"] = with_knobs(config.step1, **shared)
    return build(type(config), fields | knobs)
