"""What the papers test on: LDL's twelve segmentation tasks, LRC's three regions of CT.

The tasks stand in the order of LDL Table 1.

The paper gives spacing only (Section 3.3: 2.5 x 1.0 x 1.0 mm); windows, slice sizes and crops are
ours.

Windows. One window a region, mapped to 0..255:

- abdomen [-125, 275]: soft tissue with contrast medium, fat still above black. It is the range that
  the reduced BTCV copies keep (window of the TransUNet preprocessing), so both layouts look alike.
- thorax [-500, 300]: lungs and trachea are black, which shows their whole extent, and the heart,
  esophagus and spinal cord between them keep 3 HU a grey level; a window down to air (-1000) would
  spend most of its levels inside the lungs.
- head_neck [-200, 400]: fat to the mandible's bone; the range that the reduced OpenKBP copies keep.

Fields. Slices are squares of ``field`` mm around the patient, wide enough that next to no organ
voxel of the stand-ins is cut off (the bank says how many are): 384 mm for abdomen and thorax, 320
mm for head and neck, whose shoulders are cut. The full size is that many pixels at 1 mm.
"""

from dataclasses import dataclass
from typing import Literal, get_args

from ldl.errors import ConfigError

# "xray" stands for any gray image; "colour" and "ct" are for one's own images alone.
Modality = Literal["fundus", "xray", "colour", "ct"]


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
VESSEL_TASKS = tuple(task.key for task in _ALL if task.structure == "vessels")
CHANNELS: dict[str, int] = {"fundus": 3, "xray": 1, "colour": 3, "ct": 1}


def task_named(key: str) -> Task:
    if key not in TASKS:
        raise ConfigError(f"unknown task {key!r}; known tasks: {', '.join(TASKS)}")
    return TASKS[key]


Region = Literal["abdomen", "thorax", "head_neck"]
REGIONS: tuple[Region, ...] = get_args(Region)
Spacing = tuple[float, float, float]  # z, y, x in mm
PAPER_SPACING: Spacing = (2.5, 1.0, 1.0)
AIR = -1024  # HU outside the scan


@dataclass(frozen=True)
class RegionFacts:
    """What is fixed for a region.

    Attributes:
        column: the paper's name of its fine-tuning set.
        paper_set: manifest of that set.
        stand_in: manifest of the set used where the paper's is not at hand.
        window: Hounsfield units shown as 0 and as 255.
        field: side of the square slice in mm.
    """

    column: str
    paper_set: str
    stand_in: str
    window: tuple[int, int]
    field: int


FACTS: dict[Region, RegionFacts] = {
    "abdomen": RegionFacts("ABD-110", "abd110", "btcv", (-125, 275), 384),
    "thorax": RegionFacts("Thorax-85", "thorax85", "segthor", (-500, 300), 384),
    "head_neck": RegionFacts("HaN", "han", "openkbp", (-200, 400), 320),
}
# Sets by manifest name.
SETS: dict[str, Region] = {
    "abdomen1k": "abdomen",
    "abd110": "abdomen",
    "btcv": "abdomen",
    "thorax85": "thorax",
    "segthor": "thorax",
    "han": "head_neck",
    "openkbp": "head_neck",
}


def facts(region: str) -> RegionFacts:
    for key, found in FACTS.items():
        if key == region:
            return found
    raise ConfigError(f"unknown region {region!r}; known: {', '.join(REGIONS)}")


def spacing_for(region: str, size: int) -> Spacing:
    """Voxel size at which ``size`` pixels show the region's whole field: 2.5 mm between slices.

    The paper's 1.0 mm in plane comes out at the full size (384, 384, 320 pixels); smaller slices
    are coarser, never cut smaller.
    """
    pixel = facts(region).field / size
    return (PAPER_SPACING[0], pixel, pixel)
