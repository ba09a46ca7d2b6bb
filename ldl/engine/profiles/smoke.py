"""Does everything run? Seconds a run."""

from ldl.engine.profiles.lrc import LrcBudget
from ldl.engine.profiles.models import (
    Budget,
    LocalizationBudget,
    Profile,
    ShapeBudget,
    phantom,
)

SMOKE = Profile(
    name="smoke",
    summary="does everything run? phantoms at 32 px, a handful of steps",
    pretraining=phantom(32, images=32),
    tasks=phantom(32, train=5, test=3),
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
