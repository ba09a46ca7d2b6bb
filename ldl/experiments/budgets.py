"""What a profile's rows may cost, and what they did cost: steps, images, weights, time, device."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ldl.engine.profiles import Profile
from ldl.engine.store import Record, RunStore
from ldl.experiments.plan import plan
from ldl.experiments.rows import Row, table_named
from ldl.methods import COMPARISONS, METHODS
from ldl.runs.pretrain import EncoderConfig, PretrainConfig
from ldl.runs.transfer import TransferConfig
from ldl.tasks import TASKS, Modality


def images_seen(config: Mapping[str, Any]) -> int:
    """How many images a pretraining draws, its step 1 included; ``config`` as a record has it."""
    before = images_seen(config["step1"]) if config.get("step1") else 0
    return before + int(config["steps"]) * batch_of(config)


def batch_of(config: Mapping[str, Any]) -> int:
    """Images a step of a pretraining: LDL draws two a data group."""
    return int(config["batch"] if "batch" in config else 2 * config["groups"])


def trained_weights(config: EncoderConfig) -> int:
    """Numbers that the pretraining moves: encoder, decoder and heads, but no teacher."""
    if isinstance(config, PretrainConfig):
        net = METHODS[config.method].network(config)
    else:
        net = COMPARISONS[config.method].network(config, 1)
    return sum(each.numel() for each in net.parameters() if each.requires_grad)


@dataclass(frozen=True)
class RowBudget:
    """What one row of a table costs on one modality.

    Attributes:
        row: of the table.
        modality: of its images.
        encoder: the pretraining; None from scratch.
        pretraining: its record and those of the runs it starts from; empty while one is missing.
        transfers: records of the transfers that are there.
        planned: number of transfers.
    """

    row: Row
    modality: Modality
    encoder: EncoderConfig | None
    pretraining: tuple[Record, ...]
    transfers: tuple[Record, ...]
    planned: int

    @property
    def devices(self) -> tuple[str, ...]:
        """Where its runs were made."""
        records = (*self.pretraining, *self.transfers)
        return tuple(sorted({record["provenance"]["device"] for record in records}))


def row_budgets(table: str, profile: Profile, store: RunStore) -> list[RowBudget]:
    """One for each row and modality that ``profile`` has runs for, in the table's order."""
    groups: dict[tuple[str, Modality], list[TransferConfig]] = {}
    for cell in plan(table, profile):
        groups.setdefault((cell.row.key, TASKS[cell.task].modality), []).extend(cell.runs)
    rows = {row.key: row for row in table_named(table).rows}
    return [
        _row_budget(rows[key], modality, runs, store) for (key, modality), runs in groups.items()
    ]


def _row_budget(
    row: Row, modality: Modality, runs: list[TransferConfig], store: RunStore
) -> RowBudget:
    encoder = runs[0].encoder
    chain = []
    step = encoder
    while step is not None:
        chain.append(store.record(step))
        step = step.step1
    pretraining = tuple(record for record in chain if record)
    there = tuple(record for run in runs if (record := store.record(run)))
    whole = pretraining if len(pretraining) == len(chain) else ()
    return RowBudget(row, modality, encoder, whole, there, len(runs))


def words(profile: Profile) -> str:
    """Steps, epochs, sizes and width of a profile."""
    source = "phantoms" if profile.pretraining.source == "phantom" else "real images"
    others = max(1, profile.images_seen // profile.batch)
    return (
        f"Profile {profile.name}: {source}; pretraining {profile.steps1:,} steps and "
        f"{profile.steps2:,} with regions at {profile.crop} of {profile.pretraining.size} pixels, "
        f"{2 * profile.groups} images a step; the other methods {others:,} steps of "
        f"{profile.batch} images; first stage of {profile.base} channels (the paper's tiny "
        f"network: 16); transfer {profile.fundus.frozen_epochs} frozen and "
        f"{profile.fundus.full_epochs} full epochs (fundus), {profile.xray.frozen_epochs} and "
        f"{profile.xray.full_epochs} (X-ray) at {profile.tasks.size} pixels. {_shares(profile)}"
    )


def _shares(profile: Profile) -> str:
    shares = [f"{100 * share:g}" for share in profile.xray.label_fractions]
    if len(shares) == 1:
        return "Chest columns are trained on all labels (the paper: means over 20 to 100 %)."
    return f"Chest columns are means over training on {', '.join(shares)} % of the labels."
