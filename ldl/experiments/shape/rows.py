"""Tables 5 and 6 as lists of runs (LDL section 6.2)."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from ldl.engine.profiles import Profile, ShapeBudget
from ldl.experiments.rows import Cell, Row, Variant
from ldl.runs.pretrain import PretrainConfig
from ldl.runs.shape import (
    GuideConfig,
    JudgeName,
    OutputName,
    PriorName,
    RefineConfig,
    ShapeConfig,
    SynthesisConfig,
    WeightName,
)
from ldl.tables.encoders import ldl_config

CLUSTERS = 8
# The tasks of the test sets, and how Tables 5 and 6 call their columns.
COLUMNS = {
    "chasedb1_vessel": "CHASEDB",
    "hrf_vessel": "HRF",
    "rite_vessel": "RITE",
    "stare_vessel": "STARE",
}
TABLES: dict[PriorName, str] = {"dsa": "table5", "octa": "table6"}
GUIDED = Variant("rd", clusters=CLUSTERS)


@dataclass(frozen=True)
class Guided(Variant):
    """A row: which output, by which judge, with which weight of a pixel."""

    output: OutputName = "ori"
    judge: JudgeName = "paper"
    weight: WeightName = "even"


def _row(key: str, label: str, published: str | None, **fields: str) -> Row:
    return Row(key, label, replace(Guided("rd", clusters=CLUSTERS), **fields), published)  # type: ignore[arg-type]


ROWS = (
    _row("cyclegan", "CycleGAN", "CycleGAN", output="cyclegan"),
    _row("synseg", "SynSeg", "SynSeg", output="synseg"),
    _row("out_ori", "OutOri", "OutOri", output="ori"),
    _row("out_clu", "OutClu", "OutClu", output="clu"),
    _row("refine", "Refine", "Refine", output="refine"),
    _row("refine_uncer", "RefineUncer", "RefineUncer", output="refine", weight="uncertain"),
    # Ours: the other sign of the weight, and the release's discriminator.
    _row(
        "refine_confident", "RefineUncer, other sign", None, output="refine", weight="confident"
    ),
    _row("released_ori", "OutOri, release's d", None, output="ori", judge="released"),
    _row("released_clu", "OutClu, release's d", None, output="clu", judge="released"),
)  # fmt: skip


def cells_of(prior: PriorName) -> Callable[[Profile], list[Cell[ShapeConfig]]]:
    """What plans the table of ``prior``; a cell's runs are its seeds, each scored on all sets."""

    def cells(profile: Profile) -> list[Cell[ShapeConfig]]:
        return [
            Cell(row, task, shape_configs(row, prior, profile)) for row in ROWS for task in COLUMNS
        ]

    return cells


def shape_configs(row: Row, prior: PriorName, profile: Profile) -> tuple[ShapeConfig, ...]:
    """One run a seed."""
    variant, budget = row.variant, profile.shape
    assert isinstance(variant, Guided), "a row of Tables 5 and 6"
    joint = variant.output == "synseg"
    baseline = variant.output in ("cyclegan", "synseg")
    return tuple(
        ShapeConfig(
            data=budget.tests or profile.tasks,
            prior=prior,
            output=variant.output,
            seed=seed,
            guide=None if baseline else guide_config(prior, profile, seed, variant.judge),
            refine=_refine(budget, variant.weight) if variant.output == "refine" else None,
            synthesis=_synthesis(profile, joint) if baseline else None,
        )
        for seed in budget.seeds
    )


def guide_config(
    prior: PriorName, profile: Profile, seed: int, judge: JudgeName = "paper"
) -> GuideConfig:
    """The guided clustering of a profile."""
    budget = profile.shape
    return GuideConfig(
        region=region_config(profile, seed),
        prior=prior,
        judge=judge,
        judge_base=budget.judge_base,
        judge_rate=budget.judge_rate,
    )


def region_config(profile: Profile, seed: int) -> PretrainConfig:
    """Its region discrimination: C = 8, groups of its own; a first step of its own or Table 2's."""
    budget = profile.shape
    sized = {
        "pretraining": budget.images or profile.pretraining,
        "base": budget.base or profile.base,
        "crop": budget.crop or profile.crop,
        "groups": budget.groups,
        "steps1": budget.steps1 or profile.steps1,
        "steps2": budget.steps2 or profile.steps2,
    }
    planned = ldl_config(GUIDED, "fundus", profile.model_copy(update=sized), seed)
    changed: dict[str, object] = {"halve_every": max(1, planned.steps // budget.halvings)}
    if not budget.own_step1:
        changed["step1"] = ldl_config(Variant("pd+mix"), "fundus", profile)
    return planned.model_copy(update=changed)


def _refine(budget: ShapeBudget, weight: WeightName) -> RefineConfig:
    return RefineConfig(
        steps=budget.refine_steps,
        weight=weight,
        images=budget.refine_images,
        batch=budget.refine_batch,
        learning_rate=budget.refine_rate,
    )


def _synthesis(profile: Profile, joint: bool) -> SynthesisConfig:
    budget = profile.shape
    return SynthesisConfig(
        images=budget.images or profile.pretraining,
        crop=budget.crop or profile.crop,
        steps=budget.synthesis_steps,
        segment_steps=0 if joint else budget.refine_steps,
        segment_base=budget.base or profile.base,
        base=budget.synthesis_base,
        blocks=budget.synthesis_blocks,
        judge_base=budget.synthesis_base,
        batch=budget.synthesis_batch,
        learning_rate=budget.synthesis_rate,
        segment_rate=budget.refine_rate,
        halve_every=max(1, budget.synthesis_steps // 2),
    )
