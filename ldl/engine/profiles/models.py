"""What a profile is: data, sizes and lengths of every run."""

from typing import Any, Literal

from pydantic import Field

from ldl.config import DataConfig, Strict
from ldl.engine.profiles.lrc import LrcBudget
from ldl.runs.pretrain import BorderName, ScaleName
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


class LocalizationBudget(Strict):
    """What one-shot localization (Table 7) may cost."""

    supports: int = Field(default=10, description="support images, each against all others")
    images: int = Field(default=40, description="phantoms with a landmark")
    steps: int | None = Field(default=None, description="of its encoders; None: those of step 1")
    window_grid: int = Field(default=8, description="its square: windows an image in the loss")
    without: tuple[str, ...] = Field(default=(), description="columns whose data are not at hand")


class ShapeBudget(Strict):
    """What shape-guided segmentation (Tables 5 and 6) may cost; None: as the rest of the profile.

    The defaults are the paper's and CycleGAN's own.
    """

    seeds: tuple[int, ...] = Field(default=(0, 1, 2), description="the distribution is shown")
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
    synthesis_steps: int = 100_000
    synthesis_base: int = 64
    synthesis_blocks: int = 9
    synthesis_batch: int = 1
    synthesis_rate: float = 2e-4


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
    border: BorderName = "zeros"
    scale: ScaleName = "whole"
    task_crop: int | None = Field(default=None, description="windows that tasks are trained on")
    validate_every: int = Field(default=1, description="epochs, in the tasks")
    pretraining_rate: float = 1e-3
    transfer_rate: float = 1e-3
    seeds: tuple[int, ...] = (0,)
    own_seeds: tuple[int, ...] | None = Field(
        default=None, description="of LDL's rows of Table 2 and of scratch; None: as all rows"
    )
    without: tuple[str, ...] = Field(default=(), description="tasks whose data are not at hand")
    localization: LocalizationBudget = LocalizationBudget()
    lrc: LrcBudget
    shape: ShapeBudget = ShapeBudget()

    @property
    def images_seen(self) -> int:
        """Images that the longest of LDL's rows draws; every comparison method sees as many."""
        return 2 * self.groups * (self.steps1 + self.steps2)

    def budget(self, modality: Modality) -> Budget:
        """The budget of ``modality``."""
        return self.fundus if modality == "fundus" else self.xray


def phantom(size: int, **more: Any) -> DataConfig:
    """Phantoms of ``size`` pixels."""
    return DataConfig(source="phantom", size=size, **more)
