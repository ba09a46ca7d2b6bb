"""As published."""

from ldl.config import DataConfig
from ldl.engine.profiles.lrc import LrcBudget
from ldl.engine.profiles.models import Budget, LocalizationBudget, Profile, ShapeBudget

PAPER = Profile(
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
