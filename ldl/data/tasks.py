"""The twelve segmentation tasks of LDL Table 1, in the papers' column order."""

from dataclasses import dataclass
from typing import Literal

from ldl.errors import ConfigError

Modality = Literal["fundus", "xray"]


@dataclass(frozen=True)
class Task:
    """One downstream segmentation task: its key, the paper's column, modality and structure."""

    key: str
    column: str
    modality: Modality
    structure: str


# The paper's "ID(HE)" is hard exudates (folder EX of IDRiD), not IDRiD's own HE, haemorrhages.
_ALL = (
    Task("chasedb1_vessel", "CHASE", "fundus", "vessels"),
    Task("hrf_vessel", "HRF", "fundus", "vessels"),
    Task("rite_vessel", "RITE", "fundus", "vessels"),
    Task("stare_vessel", "STARE", "fundus", "vessels"),
    Task("drishti_gs1_cup", "GS(cup)", "fundus", "optic cup"),
    Task("drishti_gs1_od", "GS(OD)", "fundus", "optic disc"),
    Task("idrid_od", "ID(OD)", "fundus", "optic disc"),
    Task("idrid_hard_exudates", "ID(HE)", "fundus", "hard exudates"),
    Task("scr_heart", "Heart", "xray", "heart"),
    Task("scr_lung", "Lung", "xray", "lungs"),
    Task("scr_clavicle", "Clavicle", "xray", "clavicles"),
    Task("siim_pneumothorax", "Pne", "xray", "pneumothorax"),
)
TASKS: dict[str, Task] = {task.key: task for task in _ALL}
FUNDUS_TASKS = tuple(task.key for task in _ALL if task.modality == "fundus")
XRAY_TASKS = tuple(task.key for task in _ALL if task.modality == "xray")
CHANNELS: dict[str, int] = {"fundus": 3, "xray": 1}


def task_named(key: str) -> Task:
    """The task with that key.

    Raises:
        ConfigError: no such task; the line names the known ones.
    """
    if key not in TASKS:
        raise ConfigError(f"unknown task {key!r}; known tasks: {', '.join(TASKS)}")
    return TASKS[key]
