"""Profiles: budgets, never code paths."""

from typing import Literal

from pydantic import Field

from ldl.config import DataConfig, Strict
from ldl.data.tasks import Modality
from ldl.errors import ConfigError
from ldl.experiments.lrc_budget import LrcBudget

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
        default=True, description="a Pd+mix for each seed; else Table 2's serves all of them"
    )
    steps1: int | None = None
    steps2: int | None = None
    halvings: int = Field(default=8, description="of both rates within the guided steps")
    judge_base: int = 16
    judge_rate: float = 5e-5
    refine_steps: int = 100_000
    refine_images: int | None = None
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
    pretraining_rate: float = 1e-3
    transfer_rate: float = 1e-3
    seeds: tuple[int, ...] = (0,)
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


def _phantom(size: int, **more: int) -> DataConfig:
    return DataConfig(source="phantom", size=size, **more)


_SMOKE = Profile(
    name="smoke",
    summary="does everything run? phantoms at 32 px, a handful of steps",
    pretraining=_phantom(32, images=32),
    tasks=_phantom(32, train=5, test=3),
    base=2,
    crop=32,
    steps1=4,
    steps2=3,
    batch=8,
    queue=16,
    localization=LocalizationBudget(images=16),
    shape=ShapeBudget(
        seeds=(0,),
        groups=2,
        judge_base=2,
        judge_rate=1e-3,
        refine_steps=2,
        refine_images=4,
        synthesis_steps=2,
        synthesis_base=2,
        synthesis_blocks=1,
    ),
    fundus=Budget(frozen_epochs=1, full_epochs=1),
    xray=Budget(frozen_epochs=1, full_epochs=1),
    lrc=LrcBudget(
        size=32,
        base=2,
        local_base=2,
        features=8,
        whole_steps=2,
        local_steps=3,
        tune_steps=4,
        whole_batch=8,
        batch=4,
        queue=16,
        samples=(10, 50),
        rows=("random", "imagenet", "moco", "genesis", "mae"),
        phantom_slices=8,
    ),
)
_DEMO = Profile(
    name="demo",
    summary="every row and column on phantoms, minutes on two CPU cores",
    pretraining=_phantom(64, images=256),
    tasks=_phantom(48, train=10, test=10),
    base=4,
    crop=48,
    steps1=150,
    steps2=75,
    fundus=Budget(frozen_epochs=6, full_epochs=12),
    xray=Budget(frozen_epochs=6, full_epochs=12, label_fractions=(0.2, 1.0)),
    groups=2,
    batch=16,
    queue=64,
    shape=ShapeBudget(
        groups=2,
        steps2=100,
        halvings=2,
        judge_base=8,
        judge_rate=3e-4,
        refine_steps=50,
        refine_images=32,
        refine_rate=3e-3,
        synthesis_steps=80,
        synthesis_base=6,
        synthesis_blocks=2,
        synthesis_batch=4,
        synthesis_rate=1e-3,
    ),
    pretraining_rate=2e-3,
    transfer_rate=2e-3,
    lrc=LrcBudget(
        size=48,
        base=4,
        local_base=4,
        features=16,
        whole_steps=60,
        local_steps=80,
        tune_steps=60,
        whole_batch=16,
        queue=64,
        whole_rate=2e-3,
        local_rate=2e-3,
        tune_rate=8e-3,
    ),
)
_OPEN = Profile(
    name="open",
    summary="real images at reduced size and width, hours on two CPU cores",
    pretraining=DataConfig(source="open", size=112),
    tasks=DataConfig(source="open", size=128),
    base=8,
    crop=96,
    steps1=2000,
    steps2=1000,
    fundus=Budget(frozen_epochs=20, full_epochs=40),
    xray=Budget(frozen_epochs=12, full_epochs=24, label_fractions=(0.2, 1.0)),
    without=("siim_pneumothorax",),
    localization=LocalizationBudget(without=("hrf_disc",)),
    shape=ShapeBudget(
        # The size that is clustered, as in the paper: there too crops are 7/8 of it.
        tests=DataConfig(source="open", size=112),
        groups=2,
        own_step1=False,
        steps2=700,
        halvings=1,
        refine_steps=500,
        refine_images=120,
        synthesis_steps=500,
        synthesis_base=16,
        synthesis_blocks=4,
    ),
    lrc=LrcBudget(
        pretraining="open",
        sets={"abdomen": "open", "thorax": "open", "head_neck": "open"},
        # What is left for training of 18 and 21 volumes; OpenKBP has more than enough.
        budgets={"abdomen": (10, 10), "thorax": (10, 12), "head_neck": (10, 60)},
        volumes={"head_neck": 100},
        size=64,
        base=8,
        local_base=8,
        features=32,
        whole_steps=400,
        local_steps=600,
        tune_steps=800,
        # At 1e-3 and 3e-4 MoCo v2's outputs collapse on the slices of ten volumes; here nearly.
        whole_rate=1e-4,
        local_rate=2e-3,
        tune_rate=5e-3,
        imagenet="absent",
    ),
)
_PAPER = Profile(
    name="paper",
    summary="as published: 512 px, 20,000 + 80,000 steps; needs a GPU and all originals",
    pretraining=DataConfig(source="open", size=512),
    tasks=DataConfig(source="open", size=512),
    base=16,
    crop=448,
    steps1=20_000,
    steps2=80_000,
    fundus=Budget(frozen_epochs=100, full_epochs=100),
    xray=Budget(frozen_epochs=100, full_epochs=100, label_fractions=(0.2, 0.4, 0.6, 0.8, 1.0)),
    batch=256,
    original_knobs=True,
    # 100 epochs of 1,000 steps; 16 x 16 windows are all that the smallest size gives.
    localization=LocalizationBudget(steps=100_000, window_grid=16),
    shape=ShapeBudget(images=DataConfig(source="open", size=512, images=10_000)),
    # 200 and 30 epochs of 240,000 slices; the schedule of fine-tuning is not given.
    lrc=LrcBudget(
        pretraining="abdomen1k",
        sets={"abdomen": "abd110", "thorax": "thorax85", "head_neck": "han"},
        budgets={"abdomen": (10, 60), "thorax": (10, 60), "head_neck": (10, 60)},
        size=384,
        base=64,
        local_base=64,
        whole_steps=187_500,
        local_steps=450_000,
        tune_steps=20_000,
        whole_batch=256,
        batch=16,
        imagenet="weights",
    ),
)
PROFILES: dict[str, Profile] = {p.name: p for p in (_SMOKE, _DEMO, _OPEN, _PAPER)}


def profile_named(name: str) -> Profile:
    """The profile with that name.

    Raises:
        ConfigError: no such profile; the line names the known ones.
    """
    if name not in PROFILES:
        raise ConfigError(f"unknown profile {name!r}; use one of {', '.join(PROFILES)}")
    return PROFILES[name]
