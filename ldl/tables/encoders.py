"""From a variant (method, grid, clusters, width) and a profile to configs of runs."""

from dataclasses import dataclass
from typing import Any, Literal, TypeVar, get_args

from ldl.config import build
from ldl.engine.profiles import WIDTHS, Architecture, Profile, profile_named
from ldl.errors import ConfigError
from ldl.runs.pretrain import (
    TRAINING,
    ComparisonConfig,
    ComparisonName,
    EncoderConfig,
    MethodName,
    PretrainConfig,
    small,
)
from ldl.runs.transfer import TransferConfig
from ldl.tasks import TASKS, Modality

Config = TypeVar("Config", bound=EncoderConfig)


@dataclass(frozen=True)
class Variant:
    """Which encoder a task starts from. ``equal_updates`` is for scratch only."""

    method: MethodName | ComparisonName | Literal["scratch"]
    patch_grid: int = 8
    clusters: int = 0
    architecture: Architecture = "tiny"
    equal_updates: bool = False


# The release trains pneumothorax with batches of 8, everything else alike.
_BATCH = {"siim_pneumothorax": 8}
# The paper halves the rate every 10 of 20 epochs in step 1, every 10 of 80 in step 2.
_HALVINGS = {"step1": 2, "step2": 8}


def encoder_config(
    variant: Variant, modality: Modality, profile: Profile, seed: int = 0
) -> EncoderConfig | None:
    """The pretraining that ``variant`` needs, None for scratch."""
    if variant.method == "scratch":
        return None
    if variant.method in get_args(MethodName):
        return ldl_config(variant, modality, profile, seed)
    return comparison_config(variant, modality, profile, seed)


def comparison_config(
    variant: Variant, modality: Modality, profile: Profile, seed: int = 0
) -> ComparisonConfig:
    """A comparison method, unless the profile says otherwise on as many images as Rd sees."""
    steps = profile.steps_of(variant.method)
    given = profile.comparisons.get(variant.method, {})
    training: dict[str, Any] = {"learning_rate": profile.pretraining_rate}
    own = TRAINING.get(variant.method)
    if profile.original_training and own:
        training = own.fields(profile.batch, steps)
    fields = {
        **_shared(variant, modality, profile, seed),
        **training,
        "steps": steps,
        "batch": profile.batch,
        "halve_every": max(1, steps // _HALVINGS["step1"]),
        **given,
        "knobs": small_knobs(variant.method, profile) | given.get("knobs", {}),
    }
    return ComparisonConfig(**fields)


def _shared(variant: Variant, modality: Modality, profile: Profile, seed: int) -> dict[str, Any]:
    """What LDL's methods and the others have in common."""
    return {
        "method": variant.method,
        "modality": modality,
        "data": profile.pretraining,
        "base": profile.base * WIDTHS[variant.architecture],
        "crop": profile.crop,
        "border": profile.border,
        "scale": profile.scale,
        "seed": seed,
    }


def small_knobs(
    method: str, profile: Profile, queue: int | None = None
) -> dict[str, int | float | str]:
    """What the profile's scale puts in place of the original's hyperparameters.

    ``queue`` is the length where the data are fewer than the profile's images.
    """
    fields = small(method)
    if profile.original_knobs:
        # A dictionary longer than the set would hold most images as their own negatives.
        fields = {"queue": 0} if profile.queue and "queue" in fields else {}
    keys = queue or profile.queue
    if "queue" in fields and keys:
        fields["queue"] = keys
    return fields


def ldl_config(
    variant: Variant, modality: Modality, profile: Profile, seed: int = 0
) -> PretrainConfig:
    """One of LDL's own methods; the step 1 of Rd is a Pd+mix of its own."""
    first = variant.method != "rd"
    steps = profile.steps1 if first else profile.steps2
    step1 = None if first else Variant("pd+mix", variant.patch_grid, 0, variant.architecture)
    return PretrainConfig(
        **_shared(variant, modality, profile, seed),
        steps=steps,
        groups=profile.groups,
        learning_rate=profile.pretraining_rate,
        halve_every=max(1, steps // _HALVINGS["step1" if first else "step2"]),
        patch_grid=variant.patch_grid,
        clusters=variant.clusters,
        step1=ldl_config(step1, modality, profile, seed) if step1 else None,
    )


def transfer_config(
    variant: Variant, task: str, profile: Profile, fraction: float = 1.0, seed: int = 0
) -> TransferConfig:
    """The transfer of ``variant``'s encoder to ``task`` with a share of its labels.

    From scratch there is no frozen phase: ``full_epochs`` alone as in the release, or as many
    updates as a transferred encoder gets.
    """
    modality = TASKS[task].modality
    budget = profile.budget(modality)
    scratch = variant.method == "scratch"
    extra = budget.frozen_epochs if variant.equal_updates else 0
    return TransferConfig(
        task=task,
        data=profile.tasks,
        base=profile.base * WIDTHS[variant.architecture],
        full_epochs=budget.full_epochs + extra,
        frozen_epochs=0 if scratch else budget.frozen_epochs,
        batch_size=_BATCH.get(task, profile.transfer_batch),
        learning_rate=profile.transfer_rate,
        label_fraction=fraction,
        crop=profile.task_crop,
        validate_every=profile.validate_every,
        border=profile.border,
        seed=seed,
        encoder=encoder_config(variant, modality, profile, seed),
    )


def transfer_configs(variant: Variant, task: str, profile: Profile) -> tuple[TransferConfig, ...]:
    """One run for each seed and share of labels."""
    return tuple(
        transfer_config(variant, task, profile, fraction, seed)
        for seed in profile.seeds
        for fraction in profile.budget(TASKS[task].modality).label_fractions
    )


def variant_of(method: str) -> Variant:
    """The row of a method as Table 2 has it: Rd with 16 clusters."""
    known_names = (*get_args(MethodName), *get_args(ComparisonName))
    if method not in known_names:
        known = ", ".join(known_names)
        raise ConfigError(f"unknown method {method!r}; use one of {known}")
    return Variant(method, clusters=16 if method == "rd" else 0)  # type: ignore[arg-type]


def config_of(
    method: MethodName | ComparisonName,
    modality: Modality,
    profile: str,
    seed: int = 0,
    **knobs: Any,
) -> EncoderConfig:
    """The pretraining that ``profile`` plans for ``method``; ``knobs`` replace fields of it."""
    plan = ldl_config if method in get_args(MethodName) else comparison_config
    config: EncoderConfig = plan(variant_of(method), modality, profile_named(profile), seed)
    return with_knobs(config, **knobs)


def with_knobs(config: Config, **knobs: Any) -> Config:
    """``config`` with other values of some fields, in its step 1 too unless they are Rd's alone."""
    if not knobs:
        return config
    fields = dict(config)
    if config.step1 is not None:
        shared = {name: value for name, value in knobs.items() if name != "clusters"}
        fields["step1"] = with_knobs(config.step1, **shared)
    return build(type(config), fields | knobs)
