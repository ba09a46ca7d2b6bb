"""Real images that anyone may have, at a size that CPUs can train."""

from ldl.config import DataConfig
from ldl.engine.profiles.budgets import Budget, LrcBudget, Profile, ShapeBudget
from ldl.tasks import REGIONS

OPEN = Profile(
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
    shape=ShapeBudget(
        # Windows of 96 pixels at a scale where vessels are 2 to 8 pixels wide.
        images=DataConfig(source="open", size=512, pool="fine"),
        tests=DataConfig(source="open", size=512),
        game="mended",
        groups=2,
        own_step1=False,
        steps1=2000,
        steps2=400,
        halvings=2,
        refine_steps=400,
        refine_images=80,
        refine_augmentations=4,
        synthesis_steps=1500,
        synthesis_base=16,
        synthesis_blocks=4,
        synthesis_rate=5e-4,
        # At 10 masks of photographs hold their brightness and no vessels.
        synthesis_cycle=2.0,
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
        whole_steps=600,
        local_steps=600,
        tune_steps=800,
        validated=3,
        # As in the paper. By MoCo's own views the contrast learns nothing in 400 steps here, with
        # any rate tried; by elastic positives and with keys in its dictionary it does at once.
        optimizer="sgd",
        schedule="cosine",
        warm=0.05,
        whole_rate=0.03,
        elastic=True,
        knobs={name: {"fill": "keys", "norm": "batch"} for name in ("moco", "mocov2")},
        local_rate=2e-3,
        # With the weighted entropy 600 steps from random weights lose no organ of OpenKBP; with the
        # plain one they lose one or two.
        tune_rate=4e-3,
        seeds=dict.fromkeys(REGIONS, (0, 1, 2)),
        imagenet="absent",
    ),
)

# The settings of LRC's first records on real CT: history, in no plan. Their Dice loss leaves the
# background out, so that an organ may become the background.
EARLIER = Profile(
    **{
        **dict(OPEN),
        "name": "open, earlier",
        "lrc": LrcBudget(
            pretraining="open",
            sets=OPEN.lrc.sets,
            budgets={"abdomen": (10, 10), "thorax": (10, 12), "head_neck": (10, 60)},
            volumes={"head_neck": 100},
            size=64,
            base=8,
            local_base=8,
            features=32,
            whole_steps=400,
            local_steps=600,
            tune_steps=800,
            whole_rate=1e-4,
            local_rate=2e-3,
            tune_rate=5e-3,
            loss="organs",
            draw="slices",
            tune_schedule="halving",
            imagenet="absent",
        ),
    }
)
