"""The ablation of paper against release: equal encoders but for one choice, on two tasks."""

from dataclasses import dataclass

import numpy as np

from ldl.config import build
from ldl.engine.execute import ensure
from ldl.engine.profiles import profile_named
from ldl.engine.store import Record, RunStore
from ldl.experiments.encoder_configs import config_of
from ldl.experiments.report import BY_PAGE
from ldl.experiments.rows import Variant
from ldl.runs.pretrain import PretrainConfig
from ldl.runs.transfer import TransferConfig
from ldl.stats import bootstrap_interval
from ldl.tables.encoders import transfer_configs
from ldl.tasks import TASKS

TASKS_SHOWN = ("chasedb1_vessel", "idrid_od")


@dataclass(frozen=True)
class Choice:
    """One encoder of the ablation: its method and what differs from the default.

    ``by_page``: whether the page itself makes it under a small profile.
    """

    label: str
    method: str
    knobs: tuple[tuple[str, str], ...] = ()
    by_page: bool = True


CHOICES = (
    Choice("Pd+mix, as the release", "pd+mix"),
    Choice("Pd+mix, losses as the paper prints them", "pd+mix", (("formulation", "paper"),)),
    Choice("Pd+mix, all eight symmetries", "pd+mix", (("symmetries", "dihedral"),), by_page=False),
    Choice("Rd, as the release", "rd"),
    Choice("Rd, losses as the paper prints them", "rd", (("formulation", "paper"),)),
)


@dataclass(frozen=True)
class Outcome:
    """One line of the ablation; ``scores`` maps a column to (mean, low, high, n) in percent."""

    choice: Choice
    encoder: Record
    scores: dict[str, tuple[float, float, float, int]]
    records: tuple[Record, ...]


def transfer_of(encoder: PretrainConfig, task: str, profile: str) -> TransferConfig:
    """The transfer that ``profile`` plans for ``task``, from this encoder, with all labels."""
    variant = Variant(encoder.method, clusters=encoder.clusters)
    planned = transfer_configs(variant, task, profile_named(profile))[-1]
    fields = {name: getattr(planned, name) for name in TransferConfig.model_fields}
    wanted = {"encoder": encoder, "seed": encoder.seed, "label_fraction": 1.0}
    return build(TransferConfig, fields | wanted)


def encoder_of(choice: Choice, profile: str, seed: int) -> PretrainConfig:
    """The encoder of a choice under ``profile``."""
    config = config_of(choice.method, "fundus", profile, seed, **dict(choice.knobs))  # type: ignore[arg-type]
    assert isinstance(config, PretrainConfig), "the ablation is of LDL's own methods"
    return config


def runs_of(profile: str, seed: int = 0) -> list[TransferConfig]:
    """All transfers of the ablation, for `ldl.engine.execute.ensure`."""
    encoders = [encoder_of(choice, profile, seed) for choice in CHOICES]
    return [transfer_of(encoder, task, profile) for encoder in encoders for task in TASKS_SHOWN]


def ablation(profile: str, seed: int, store: RunStore) -> list[Outcome]:
    """What is known of every choice; small profiles make what is missing of the cheaper ones."""
    found = (outcome(choice, profile, seed, store) for choice in CHOICES)
    return [each for each in found if each is not None]


def outcome(choice: Choice, profile: str, seed: int, store: RunStore) -> Outcome | None:
    """One line; None where a record is missing and not made by a page."""
    encoder = encoder_of(choice, profile, seed)
    runs = {task: transfer_of(encoder, task, profile) for task in TASKS_SHOWN}
    if profile in BY_PAGE and choice.by_page:
        for run in runs.values():
            ensure(run, store)
    pretraining = store.record(encoder)
    records = {task: store.record(run) for task, run in runs.items()}
    there = {task: record for task, record in records.items() if record is not None}
    if pretraining is None or len(there) < len(records):
        return None
    scores = {}
    for task, record in there.items():
        values = 100 * np.array(record["dsc"])
        low, high = bootstrap_interval(values)
        scores[TASKS[task].column] = (float(values.mean()), low, high, len(values))
    return Outcome(choice, pretraining, scores, tuple(there.values()))
