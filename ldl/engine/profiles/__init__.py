"""Profiles: data, sizes and lengths of every run; budgets, never code paths.

They are yaml files here; `sources.yaml` says where each number of the paper's is from.
"""

import json
from importlib.resources import files
from typing import Any, Literal

import yaml
from pydantic import Field

from ldl.config import DataConfig, Strict
from ldl.errors import ConfigError
from ldl.runs.lrc import DrawName, LossName, PartName, RegionName, SourceName
from ldl.runs.pretrain import BorderName, OptimizerName, ScaleName, ScheduleName
from ldl.runs.shape import CutName
from ldl.tasks import Modality

Architecture = Literal["tiny", "small", "full"]
# Channels of the first stage relative to the tiny network's.
WIDTHS: dict[Architecture, int] = {"tiny": 1, "small": 2, "full": 4}


class Budget(Strict):
    """What one modality's runs may cost."""

    frozen_epochs: int
    full_epochs: int
    label_fractions: tuple[float, ...] = (1.0,)
    figure_fractions: tuple[float, ...] | None = Field(
        default=None, description="of Figure 7's rows; None: as in the tables"
    )


class NativeBudget(Strict):
    """Windows of larger images in place of whole ones, in the rows that ask for them."""

    size: int = Field(description="side of the images")
    steps: int = Field(description="of their encoders")
    longer: int = Field(description="of one more")
    tasks: int = Field(description="side of the images whose vessels are segmented")


class LocalizationBudget(Strict):
    """What one-shot localization (Table 7) may cost."""

    supports: int = Field(default=10, description="support images, each against all others")
    images: int = Field(default=40, description="phantoms with a landmark")
    steps: int | None = Field(default=None, description="of its encoders; None: those of step 1")
    halvings: int = Field(default=2, description="of the rate in that time")
    window_grid: int = Field(default=8, description="its square: windows an image in the loss")
    without: tuple[str, ...] = Field(default=(), description="columns whose data are not at hand")


class ShapeBudget(Strict):
    """What shape-guided segmentation (Tables 5 and 6) may cost; None: as the rest of the profile.

    The defaults are the paper's and CycleGAN's own.
    """

    seeds: tuple[int, ...] = Field(default=(0, 1, 2), description="the distribution is shown")
    rows: Literal["printed", "ours", "real"] = Field(
        default="ours", description="beside those printed ours, too, or all, asked of real images"
    )
    images: DataConfig | None = Field(default=None, description="that are clustered")
    tests: DataConfig | None = Field(default=None, description="that are scored")
    base: int | None = None
    crop: int | None = None
    groups: int = 3
    own_step1: bool = Field(
        default=True, description="a Pd+mix for each seed; else one serves all of them"
    )
    steps1: int | None = None
    steps2: int | None = None
    halvings: int = Field(default=8, description="of both rates within the guided steps")
    judge_base: int = 16
    judge_rate: float = 5e-5
    game: Literal["published", "mended"] = Field(
        default="published", description="between guide and target, see `ldl.tables.shape.MENDED`"
    )
    cut: CutName = Field(
        default="share", description="in the mended game, see `ldl.runs.shape.ShapeConfig`"
    )
    refine_steps: int = 100_000
    refine_images: int | None = None
    refine_augmentations: int = 30
    refine_batch: int = 8
    refine_rate: float = 1e-3
    refine_halvings: int = Field(default=0, description="of this rate within the steps")
    synthesis_steps: int = 100_000
    synthesis_base: int = 64
    synthesis_blocks: int = 9
    synthesis_batch: int = 1
    synthesis_rate: float = 2e-4
    synthesis_cycle: float = Field(default=10.0, description="weight of its cycle losses")
    segment_rate: float | None = Field(
        default=None, description="of the network on synthetic pairs; None: as refine_rate"
    )


Budgets = tuple[int, int]
_PHANTOMS: dict[RegionName, SourceName] = {
    "abdomen": "phantom",
    "thorax": "phantom",
    "head_neck": "phantom",
}
_FEW: dict[RegionName, Budgets] = {"abdomen": (2, 4), "thorax": (2, 4), "head_neck": (2, 4)}


class LrcBudget(Strict):
    """Data, sizes and lengths of LRC's runs. Lengths are in optimiser steps.

    As in the paper one pretraining, on the abdomen, serves all three regions.

    Attributes:
        pretraining: the set that encoders see.
        more: regions whose labelled sets, their part for training, encoders see as well.
        sets: the labelled set of each region.
        budgets: |X_T|, the smaller and the larger number of labelled volumes; where the larger is
            what there is, it stands here.
        volumes: at most so many of a set; a region that is not named takes all.
        phantom_slices: of a phantom volume.
        size: side of a slice in pixels.
        base, local_base: widths of E_g + D_g and of E_l + D_l; 64 is the paper's.
        spacing: voxel size (z, y, x) in mm; None: the region's whole field in ``size`` pixels.
        features: D.
        whole_steps, local_steps, tune_steps: of the global and the local pretraining, and of
            fine-tuning.
        probe_steps: of the heads that are trained anew to ask what a global pretraining learned; 0
            asks nothing.
        validated, tested: at most so many volumes of each part for validation and test.
        part: volumes that encoders see of the set they are pretrained on.
        optimizer, schedule: of the global pretraining.
        warm: share of a global pretraining's and of a fine-tuning's steps in which the rate rises.
        knobs: method -> hyperparameters of its own that take the place of its defaults.
        elastic: positives of contrasted views by elastic transforms, as in the paper; else by each
            method's own views.
        local: further fields of `LocalRegionConfig`, such as the superpixels.
        loss, draw, tune_schedule: of fine-tuning, see `OrganConfig`.
        imagenet: torchvision's weights, a supervised stand-in on fundus phantoms, or no such row
            ("absent": the weights fit the published width only).
        seeds: of the rows beside a random encoder in a region with the smaller budget, where they
            are more than the profile's.
        samples: N of Table 3, None for all pixels of a region.
        rows: the kinds of global pretraining that are run; None takes all of the paper's.
        longer: method -> steps of its global pretraining where ``whole_steps`` leave it learning.
        sides, side_steps: of a slice in the check whether LRC's gain hangs on ``size``, and steps
            of each training there; no sides, no check.
    """

    pretraining: SourceName = "phantom"
    more: tuple[RegionName, ...] = ()
    sets: dict[RegionName, SourceName] = _PHANTOMS
    budgets: dict[RegionName, Budgets] = _FEW
    volumes: dict[RegionName, int] = Field(default_factory=dict)
    phantom_slices: int = 24
    size: int
    spacing: tuple[float, float, float] | None = None
    base: int
    local_base: int
    features: int = 64
    whole_steps: int
    local_steps: int
    tune_steps: int
    probe_steps: int = 100
    whole_batch: int = 32
    batch: int = 8
    queue: int | None = Field(default=None, description="keys, where the slices are fewer still")
    whole_rate: float = 1e-3
    local_rate: float = 1e-3
    tune_rate: float = 1e-3
    validated: int | None = None
    tested: int | None = None
    part: PartName = "train"
    optimizer: OptimizerName = "adam"
    schedule: ScheduleName = "halving"
    warm: float = Field(default=0.0, ge=0, le=0.5)
    knobs: dict[str, dict[str, int | float | str]] = Field(default_factory=dict)
    elastic: bool = False
    local: dict[str, Any] = Field(default_factory=dict)
    loss: LossName = "dice+wce"
    draw: DrawName = "organs"
    tune_schedule: ScheduleName = "cosine"
    imagenet: Literal["weights", "stand-in", "absent"] = "stand-in"
    seeds: dict[RegionName, tuple[int, ...]] = Field(default_factory=dict)
    samples: tuple[int | None, ...] = (1, 10, 50, 100, 200, None)
    rows: tuple[str, ...] | None = None
    longer: dict[str, int] = Field(default_factory=dict)
    sides: tuple[int, ...] = ()
    side_steps: int = 300

    @property
    def split(self) -> Budgets:
        """The budgets that the parts of a real set are made for, 10 and 60 in the paper."""
        return (10, 60) if self.pretraining != "phantom" else self.budgets["abdomen"]


class Profile(Strict):
    """Data, sizes and lengths of every run of every table."""

    name: str
    summary: str
    pretraining: DataConfig
    tasks: DataConfig
    base: int
    crop: int
    steps1: int
    steps2: int
    fundus: Budget
    xray: Budget
    groups: int = 4
    batch: int = Field(default=32, description="images a step of the comparison methods")
    queue: int | None = Field(default=None, description="keys, where the data are fewer still")
    original_knobs: bool = Field(default=False, description="comparison methods as published")
    original_training: bool = Field(
        default=False, description="their own optimizers and schedules; else LDL's Adam"
    )
    comparison_steps: int | None = Field(
        default=None, description="of the comparison methods; None: as many images as Rd sees"
    )
    comparisons: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="method -> fields of its config, and knobs beside those of its scale",
    )
    folder_steps: int | None = Field(
        default=None, description="of LDL's methods on one's own images; None: as in the tables"
    )
    border: BorderName = "zeros"
    scale: ScaleName = "whole"
    task_crop: int | None = Field(default=None, description="windows that tasks are trained on")
    validate_every: int = Field(default=1, description="epochs, in the tasks")
    pretraining_rate: float = 1e-3
    transfer_rate: float = 1e-3
    transfer_batch: int = Field(default=2, description="images, but of pneumothorax")
    seeds: tuple[int, ...] = (0,)
    own_seeds: tuple[int, ...] | None = Field(
        default=None, description="of LDL's rows of Table 2 and of scratch; None: as all rows"
    )
    without: tuple[str, ...] = Field(default=(), description="tasks left out: no data, no time")
    native: NativeBudget | None = Field(default=None, description="None: no such rows")
    localization: LocalizationBudget = LocalizationBudget()
    lrc: LrcBudget
    shape: ShapeBudget = ShapeBudget()

    @property
    def images_seen(self) -> int:
        """Images that the longest of LDL's rows draws."""
        return 2 * self.groups * (self.steps1 + self.steps2)

    def steps_of(self, comparison: str) -> int:
        """Of one of the comparison methods."""
        steps = self.comparison_steps or max(1, self.images_seen // self.batch)
        return int(self.comparisons.get(comparison, {}).get("steps", steps))

    def budget(self, modality: Modality) -> Budget:
        return self.fundus if modality == "fundus" else self.xray


def _read(name: str) -> str:
    """A yaml file as JSON, which has lists for tuples."""
    text = files("ldl.engine.profiles").joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    return json.dumps(yaml.safe_load(text))


SMOKE, DEMO, OPEN, PAPER = (
    Profile.model_validate_json(_read(name)) for name in ("smoke", "demo", "open", "paper")
)
PROFILES: dict[str, Profile] = {p.name: p for p in (SMOKE, DEMO, OPEN, PAPER)}
# Of LDL's first records, with two steps of step 1 to one of step 2, and of LRC's first on real CT.
EARLIER = OPEN.model_copy(
    update={
        "name": "open, earlier",
        "steps1": 2000,
        "steps2": 1000,
        "own_seeds": None,
        "comparisons": {},
        "lrc": LrcBudget.model_validate_json(_read("earlier")),
    }
)


def profile_named(name: str) -> Profile:
    if name not in PROFILES:
        raise ConfigError(f"unknown profile {name!r}; use one of {', '.join(PROFILES)}")
    return PROFILES[name]
