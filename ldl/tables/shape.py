"""LDL Tables 5 and 6: vessels guided by the shape of masks of another modality (section 6.2)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ldl.engine.profiles import Profile, ShapeBudget
from ldl.engine.store import Record
from ldl.metrics import SCATTERED, Shape, collapse
from ldl.runs.base import Run
from ldl.runs.pretrain import PretrainConfig, ScaleName
from ldl.runs.shape import (
    FloorConfig,
    GuideConfig,
    OutputName,
    PriorName,
    RefineConfig,
    ShapeConfig,
    SynthesisConfig,
    WeightName,
)
from ldl.tables.base import Claim, Column, Row, Table
from ldl.tables.encoders import Variant, ldl_config
from ldl.tables.published import value

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
class Guided:
    """A row: which output, with which weight of a pixel, of which guide."""

    output: OutputName
    weight: WeightName = "even"
    # Of the guide, in place of the profile's.
    knobs: Mapping[str, Any] = field(default_factory=dict, hash=False)
    once: bool = False  # one seed
    filtered: bool = False  # the untrained filter labels, no guide


# What the game needs on real images, where paper and release leave it to end in speckle or nothing;
# the chapter on Tables 5 and 6 says why, one by one.
MENDED: dict[str, Any] = {
    "judge": "local",
    "judge_rate": 5e-4,
    "judge_momentum": 0.5,
    "judge_penalty": 0.1,
    "judge_noise": 0.1,
    "target": "own",
    "start": "dark",
    "references": "native",
    "agreement": 5.0,
    "share_weight": 1.0,
    "field": "zeroed",
}
MENDED_REGION: dict[str, Any] = {
    "scale": "native",
    "border": "replicate",
    "symmetries": "dihedral",
    "region_weight": 1.0,
}
# Symmetries whose maps are averaged before they are cut.
LOOKS = 4
# Of a photograph's window that CycleGAN and SynSeg are shown.
LIT = 0.98
RELEASED: dict[str, Any] = {"judge": "released"}
PRINTED = (
    Row("top_hat", "black top-hat, untrained", Guided("top-hat")),
    Row("cyclegan", "CycleGAN", Guided("cyclegan"), "CycleGAN"),
    Row("synseg", "SynSeg", Guided("synseg"), "SynSeg"),
    Row("out_ori", "OutOri", Guided("ori"), "OutOri"),
    Row("out_clu", "OutClu", Guided("clu"), "OutClu"),
    Row("refine", "Refine", Guided("refine"), "Refine"),
    Row("refine_uncer", "RefineUncer", Guided("refine", weight="uncertain"), "RefineUncer"),
)
# Ours, beside the filter: the other sign of the weight, and the release's discriminator.
ROWS = (
    *PRINTED,
    Row(
        "refine_confident",
        "RefineUncer, other sign",
        Guided("refine", weight="confident", once=True),
    ),
    Row("released_ori", "OutOri, release's d", Guided("ori", knobs=RELEASED, once=True)),
    Row("released_clu", "OutClu, release's d", Guided("clu", knobs=RELEASED, once=True)),
)
# Ours, of real images alone: no guide, the sign that no mask holds, an oracle guided by labels.
BRIGHT: dict[str, Any] = {"start": "bright"}
ORACLE: dict[str, Any] = {"prior": "vessels", "references": "actual"}
REAL_ROWS = (
    *ROWS,
    Row("refine_filter", "Refine, the filter's labels", Guided("refine", filtered=True)),
    Row("bright_ori", "OutOri, bright start", Guided("ori", knobs=BRIGHT, once=True)),
    Row("bright_clu", "OutClu, bright start", Guided("clu", knobs=BRIGHT, once=True)),
    Row("oracle_ori", "OutOri, oracle by labels", Guided("ori", knobs=ORACLE, once=True)),
    Row("oracle_clu", "OutClu, oracle by labels", Guided("clu", knobs=ORACLE, once=True)),
)
_TESTS = tuple(Column(task, name, "Vessels", task, name) for task, name in COLUMNS.items())
MEAN = Column("mean", "Mean", "Vessels", None, "mean", tuple(COLUMNS))


def guide_config(
    prior: PriorName,
    profile: Profile,
    seed: int,
    changed: Mapping[str, Any] | None = None,
) -> GuideConfig:
    """The guided clustering of a profile, with knobs ``changed``."""
    budget = profile.shape
    knobs: dict[str, Any] = {"judge_base": budget.judge_base, "judge_rate": budget.judge_rate}
    knobs |= MENDED if budget.game == "mended" else {}
    knobs |= {"prior": prior, **(changed or {})}
    return GuideConfig(region=region_config(profile, seed), **knobs)


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
    if budget.game == "mended":
        assert planned.step1 is not None
        shared = {key: MENDED_REGION[key] for key in ("scale", "border", "symmetries")}
        shared |= {} if budget.own_step1 else {"seed": 0}
        changed |= {**MENDED_REGION, "step1": planned.step1.model_copy(update=shared)}
    elif not budget.own_step1:
        changed["step1"] = ldl_config(Variant("pd+mix"), "fundus", profile)
    return planned.model_copy(update=changed)


def _refine(budget: ShapeBudget, weight: WeightName) -> RefineConfig:
    return RefineConfig(
        steps=budget.refine_steps,
        weight=weight,
        augmentations=budget.refine_augmentations,
        images=budget.refine_images,
        batch=budget.refine_batch,
        learning_rate=budget.refine_rate,
        halve_every=budget.refine_steps // budget.refine_halvings if budget.refine_halvings else 0,
    )


def _synthesis(profile: Profile, joint: bool) -> SynthesisConfig:
    budget = profile.shape
    mended = budget.game == "mended"
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
        segment_rate=budget.segment_rate or budget.refine_rate,
        halve_every=max(1, budget.synthesis_steps // 2),
        scale=_scale(budget),
        cycle_weight=budget.synthesis_cycle,
        lit=LIT if mended else 0.0,
        jitter=mended,
    )


def _scale(budget: ShapeBudget) -> ScaleName:
    return "native" if budget.game == "mended" else "whole"


def _floor(profile: Profile, **labelled: Any) -> FloorConfig:
    budget = profile.shape
    crop = budget.crop or profile.crop
    return FloorConfig(references=_scale(budget), crop=crop, **labelled)


def _labelled(profile: Profile) -> dict[str, Any]:
    """Whose images the filter labels, and for which network: the guide's, both."""
    region = region_config(profile, 0)
    return {"images": region.data, "base": region.base, "border": region.border}


def shape_runs(wanted: Guided, prior: PriorName, profile: Profile) -> tuple[ShapeConfig, ...]:
    """One run a seed, or one of a filter, which has none."""
    budget = profile.shape
    data = budget.tests or profile.tasks
    if wanted.output == "top-hat":
        return (ShapeConfig(data=data, prior=prior, output="top-hat", floor=_floor(profile)),)
    mended = budget.game == "mended"
    scored: dict[str, Any] = {"cut": budget.cut, "looks": LOOKS} if mended else {}
    baseline = wanted.output in ("cyclegan", "synseg")
    floor = _floor(profile, **_labelled(profile)) if wanted.filtered else None
    alone = baseline or wanted.filtered
    prior = wanted.knobs.get("prior", prior)
    return tuple(
        ShapeConfig(
            data=data,
            prior=prior,
            output=wanted.output,
            seed=seed,
            guide=None if alone else guide_config(prior, profile, seed, wanted.knobs),
            refine=_refine(budget, wanted.weight) if wanted.output == "refine" else None,
            synthesis=_synthesis(profile, wanted.output == "synseg") if baseline else None,
            floor=floor,
            **scored,
        )
        for seed in budget.seeds[: 1 if wanted.once else None]
    )


def dsc(record: Record, column: Column) -> NDArray[np.float64]:
    """(N,) DSC inside the field of view of each test image, in per cent."""
    return 100 * np.array(record["tests"][column.of]["dsc"], dtype=np.float64)


def _collapsed(record: Record) -> str:
    """Whether the watch calls what was trained no vessels; a filter cannot collapse.

    By what was measured: a record's own word is that of the watch on its day.
    """
    trained = record["config"]["output"] != "top-hat"
    return "collapsed" if trained and seen(record) not in ("", SCATTERED) else ""


def seen(record: Record) -> str:
    """What the watch calls a run's target, see `ldl.metrics.collapse`."""
    return collapse(Shape.of(record["shape"]), Shape.of(record["reference"]))


def _rows(profile: Profile) -> tuple[Row, ...]:
    return {"printed": PRINTED, "ours": ROWS, "real": REAL_ROWS}[profile.shape.rows]


def _table(prior: PriorName) -> Table:
    name = TABLES[prior]

    def runs(row: Row, column: Column, profile: Profile) -> tuple[Run, ...]:
        """One run a seed; it is scored on all four sets."""
        return shape_runs(row.variant, prior, profile)

    def paper(row: Row, column: Column, profile: Profile) -> float:
        if row.published is None:
            return float("nan")
        return value(name, str(column.published), method=row.published)

    def claim(better: str, worse: str, text: str, **more: Any) -> Claim:
        return Claim(text, name, better, worse, MEAN.key, **more)

    return Table(
        name=name,
        title=f"Vessels guided by the shape of {prior.upper()} masks",
        unit="DSC, %",
        case="test images",
        rows=_rows,
        columns=lambda profile: (*_TESTS, MEAN),
        runs=runs,
        scores={"score": dsc},
        paper=paper,
        doubt=_collapsed,
        claims=(
            claim("refine_uncer", "cyclegan", "RefineUncer over CycleGAN"),
            claim("refine_uncer", "synseg", "RefineUncer over SynSeg"),
            claim("out_clu", "out_ori", "refinement by clustering: OutClu over OutOri"),
            claim("refine_uncer", "out_clu", "retraining: RefineUncer over OutClu"),
            claim("refine_uncer", "refine", "uncertainty: RefineUncer over Refine"),
            claim("refine_uncer", "top_hat", "RefineUncer over a filter", ours=True),
            claim("refine_filter", "top_hat", "a network on the filter's labels", ours=True),
            claim("refine", "refine_filter", "the guide's labels over the filter's", ours=True),
            claim("released_ori", "out_ori", "the release's discriminator, OutOri", ours=True),
            claim("released_clu", "out_clu", "the release's discriminator, OutClu", ours=True),
            claim("refine_confident", "refine_uncer", "certain pixels count more", ours=True),
            claim(
                "refine_confident", "refine", "certain pixels count more, over all alike", ours=True
            ),
        ),
    )


TABLE5, TABLE6 = _table("dsa"), _table("octa")
