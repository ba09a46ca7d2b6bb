"""One thing changed, all else equal: that thing, in pretraining and, a border, in the task."""

import pytest

from ldl.engine.profiles import PROFILES
from ldl.runs.transfer import TransferConfig
from ldl.tables.choices import CHOICES, SCALE
from ldl.tasks import VESSEL_TASKS

OPEN, DEMO = PROFILES["open"], PROFILES["demo"]


def of(table, key: str, profile=OPEN) -> dict[str, tuple[TransferConfig, ...]]:  # type: ignore[no-untyped-def]
    return {cell.column.key: cell.runs for cell in table.cells(profile) if cell.row.key == key}


def differing(one: TransferConfig, other: TransferConfig) -> set[str]:
    """Fields of the encoder that differ."""
    assert one.encoder is not None
    assert other.encoder is not None
    return {
        name
        for name in type(one.encoder).model_fields
        if getattr(one.encoder, name) != getattr(other.encoder, name)
    }


@pytest.mark.parametrize(
    ("key", "field"),
    [
        ("paper", "formulation"),
        ("dihedral", "symmetries"),
        ("replicate", "border"),
        ("unmixed", "statistics"),
    ],
)
def test_one_field_of_the_encoder_differs_for_every_seed(key: str, field: str) -> None:
    usual, changed = of(CHOICES, "pd+mix"), of(CHOICES, f"pd+mix/{key}")
    for task, runs in changed.items():
        assert [run.seed for run in runs] == list(OPEN.own_seeds or ())
        for one, other in zip(usual[task], runs, strict=True):
            assert differing(one, other) == {field}
            assert other.border == other.encoder.border


def test_rds_first_step_has_the_papers_losses_too() -> None:
    run = of(CHOICES, "rd/paper")["idrid_od"][0]
    assert run.encoder.formulation == run.encoder.step1.formulation == "paper"


def test_phantoms_are_asked_of_losses_alone() -> None:
    assert [row.key for row in CHOICES.rows(DEMO)] == ["pd+mix", "pd+mix/paper", "rd", "rd/paper"]
    assert SCALE.cells(DEMO) == []


def test_windows_have_the_side_of_the_whole_images() -> None:
    pretrained, scratch = of(SCALE, "pd+mix"), of(SCALE, "scratch")
    assert set(pretrained) == {f"{task}{end}" for task in VESSEL_TASKS for end in ("", "@native")}
    for task in VESSEL_TASKS:
        for one, other in zip(pretrained[task], pretrained[f"{task}@native"], strict=True):
            assert one.task == other.task == task
            assert other.crop == one.data.size < other.data.size == OPEN.native.tasks
            assert differing(one, other) == {"data", "scale", "steps", "halve_every"}
            assert other.encoder.data.size == OPEN.native.size
            assert other.encoder.crop == one.encoder.crop
    alone, started = (each[f"{VESSEL_TASKS[0]}@native"][0] for each in (scratch, pretrained))
    assert alone.encoder is None
    assert (alone.crop, alone.updates(20)) == (started.crop, started.updates(20))
