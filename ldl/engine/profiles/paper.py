"""As published."""

from ldl.config import DataConfig
from ldl.engine.profiles.lrc import LrcBudget
from ldl.engine.profiles.models import Budget, LocalizationBudget, Profile, ShapeBudget

PAPER = Profile(
    name="paper",
    summary="as published: 512 px, 20,000 + 80,000 steps; needs a GPU and all originals",
    seeds=(0,),
    pretraining=DataConfig(source="open", size=512),
    tasks=DataConfig(source="open", size=512),
    base=16,
    crop=448,
    steps1=20_000,
    steps2=80_000,
    fundus=Budget(frozen_epochs=100, full_epochs=100),
    xray=Budget(frozen_epochs=100, full_epochs=100, label_fractions=(0.2, 0.4, 0.6, 0.8, 1.0)),
    batch=256,
    # 200 epochs of 30,000 images.
    comparison_steps=23_438,
    queue=16_384,
    original_knobs=True,
    original_training=True,
    # 100 epochs of 1,000 steps; 16 x 16 windows are all that the smallest size gives.
    localization=LocalizationBudget(steps=100_000, window_grid=16),
    shape=ShapeBudget(images=DataConfig(source="open", size=512, images=10_000), groups=3),
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

# Where each number is from: a section of the paper, a file of the authors' release, or ours and
# why. A name stands for all numbers below it that have no line of their own.
_SETTINGS = "release: step1_ld_pretraining/args_setting.py"
_SHAPE = "release: step3_shape_guided_segmentation/args_setting.py"
SOURCES: dict[str, str] = {
    "pretraining": "paper 6.1.1; release: dataset/*/preprocessing_*.py (512 px)",
    "tasks": "paper 6.1.1 (512 px)",
    "base": "paper 6.1.2: VGG16 with a quarter of its channels; release: arch vgg16_bn_tiny",
    "crop": "release: step1_ld_pretraining/step1_train_pd_mixup.py (448 of 512, area 0.9-1)",
    "steps1": "paper 6.1.2: 20 epochs; release: of 1,000 steps",
    "steps2": "paper 6.1.2: 80 epochs; release: of 1,000 steps",
    "fundus": "paper 6.1.2: 100 epochs frozen, 100 of all; scratch 100, as the release's "
    "STEP2_random_initialization.py, and 200 beside it",
    "xray": "as fundus; shares of the labels of paper 6.1.2",
    "groups": f"paper 6.1.2: four data groups; {_SETTINGS}, where a group draws two images",
    "batch": "of the comparison methods; ours: that of MoCo and InstDisc. The paper gives none",
    "comparison_steps": "ours: 200 epochs, as InstDisc, MoCo and DenseCL train. The paper gives "
    "none; its X-ray set is larger, so there it is 60 epochs",
    "queue": "ours: MoCo's 65,536 is longer than the set of 30,000; a quarter of it",
    "original_knobs": "each method's paper, see its file's Knobs",
    "original_training": "each method's paper, see its file's Training",
    "pretraining_rate": f"paper 6.1.2: Adam, 0.001, halved every 10 epochs; {_SETTINGS}",
    "transfer_rate": "paper 6.1.2: Adam, 0.001",
    "seeds": "ours: one, as the paper; the release sets none",
    "without": "ours: none is left out",
    "border": "release: models/my_models.py, zeros; not said in the paper",
    "scale": "release: whole images, reduced to 512 px",
    "task_crop": "release: whole images",
    "validate_every": "release: step2_downstream_tasks/STEP1_transfer.py, after every epoch",
    "localization": "paper 5.2, 6.3.1; not in the release",
    "localization.supports": "ours: ten, each against all others; the paper has one and does not "
    "say which",
    "localization.images": "ours; of phantoms only",
    "localization.steps": "paper 6.3.1: 100 epochs",
    "localization.window_grid": "ours: 16 x 16 windows are all that the smallest size gives",
    "shape": f"paper 6.2.1; {_SHAPE}",
    "shape.seeds": "ours: three, since the distribution is shown",
    "shape.images": "release: the first 10,000 of the list of good quality",
    "shape.tests": "paper 6.2.1; as all tasks, 512 px",
    "shape.groups": f"{_SHAPE}: three groups in the guided steps. Step 1 has four there",
    "shape.own_step1": "ours: a Pd+mix for each seed",
    "shape.halvings": "release: both rates, every 10 of 80 epochs",
    "shape.judge_base": "paper 5.1: 16 channels, then 32",
    "shape.judge_rate": "paper 6.2.1: 0.00005 beside 0.001",
    "shape.refine_steps": "paper 6.2.1: 100 epochs; ours: of 1,000 steps, as in pretraining",
    "shape.refine_images": "ours: all that are clustered",
    "shape.refine_batch": "ours; the paper gives none",
    "shape.refine_rate": "paper 6.2.1: Adam, 0.001",
    "shape.synthesis_steps": "ours: as many as pretraining. CycleGAN's own are 200 epochs of its "
    "set, 2,000,000 updates of one image here",
    "shape.synthesis_base": "Zhu et al. 2017, appendix 7.2",
    "shape.synthesis_blocks": "Zhu et al. 2017, appendix 7.2",
    "shape.synthesis_batch": "Zhu et al. 2017, appendix 7.1",
    "shape.synthesis_rate": "Zhu et al. 2017, appendix 7.1",
    "lrc": "LRC paper, section 3; slice size, batches, temperatures and the schedule of "
    "fine-tuning are ours, see ldl.engine.profiles.lrc",
}
