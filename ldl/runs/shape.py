"""Strict models of shape-guided segmentation (LDL sections 5.1 and 6.2)."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from ldl.config import DataConfig, Strict
from ldl.runs.base import Run, Work
from ldl.runs.pretrain import BorderName, PretrainConfig, ScaleName

PriorName = Literal["dsa", "octa", "own", "vessels"]
OutputName = Literal["ori", "clu", "refine", "cyclegan", "synseg", "top-hat"]
WeightName = Literal["even", "uncertain", "confident"]
JudgeName = Literal["paper", "released", "local"]
# Region 0 shares an l1-normalised sigmoid with the others, as published, or has one of its own and
# the others share what it leaves.
TargetName = Literal["shared", "own"]
StartName = Literal["random", "dark", "bright"]
# Reference masks as published: whole, grey after sampling; or windows as large as the images', cut
# to 0 and 1, none of them all but empty; "actual" ones are not zoomed.
ReferenceName = Literal["whole", "native", "actual"]
# A map becomes a mask above one half, as published, or where it is strongest; in windows of an eye
# the border of the picture is no rim.
CutName = Literal["half", "share", "window"]
SEGMENT_BATCH = 8  # synthetic pairs an update
_GUIDED, _SYNTHETIC = ("ori", "clu", "refine"), ("cyclegan", "synseg")


class GuideConfig(Run):
    """Region discrimination whose first region is held to the shape of reference masks.

    Attributes:
        region: the region discrimination without its guide: C, groups, steps, f and g's rate.
        prior: whose masks say what the target region should look like; "own" are a folder's;
            "vessels" are those of the test sets' training halves, labels: an oracle.
        masks: how many of them.
        judge: the discriminator: the paper's, the release's, which is nearly linear, or one that
            scores every neighbourhood of a mask on its own.
        judge_base: channels of its first convolution; the other six have twice as many.
        judge_rate: its learning rate, halved as often as the other.
        judge_momentum: of its Adam, beta 1.
        judge_penalty: R1's gamma (Mescheder et al. 2018), half of which weighs the squared gradient
            of its score with respect to a reference mask.
        judge_noise: standard deviation of what is added to all masks before it sees them.
        adversarial_weight: of L_adv in Eq. 33, 1 in the paper; 0 leaves the guide out.
        target: how the first region is normalised.
        start: of the target: at random, or "dark" ("bright"), where the image is darker (brighter)
            than on both sides, see `ldl.train.guide`.
        references: how masks are drawn.
        agreement: weight of the squared difference between the regions of two views of an image.
            Above 0, views differ by colour and a symmetry alone, and the judge is shown the mean of
            both views' targets.
        share_weight: of the squared logarithm of the target's share over the reference masks'.
        field: whether regions reach beyond the field of view; the release sets them to 0 there.
    """

    kind: ClassVar[str] = "guide"
    maker: ClassVar[str] = "ldl.train.guide:make_guide"
    version: ClassVar[int] = 2

    region: PretrainConfig
    prior: PriorName
    masks: int = Field(default=10, ge=1)
    judge: JudgeName = "paper"
    judge_base: int = Field(default=16, ge=1)
    judge_rate: float = Field(default=5e-5, gt=0)
    judge_momentum: float = Field(default=0.9, ge=0, lt=1)
    judge_penalty: float = Field(default=0.0, ge=0)
    judge_noise: float = Field(default=0.0, ge=0)
    adversarial_weight: float = Field(default=1.0, ge=0)
    target: TargetName = "shared"
    start: StartName = "random"
    references: ReferenceName = "whole"
    agreement: float = Field(default=0.0, ge=0)
    share_weight: float = Field(default=0.0, ge=0)
    field: Literal["ignored", "zeroed"] = "ignored"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.region.method != "rd":
            raise ValueError(f"region is {self.region.method!r}; regions need method 'rd'")
        if self.region.modality != "fundus":
            raise ValueError("the masks are of vessels: region must be of modality 'fundus'")
        if (self.prior == "own") != bool(self.data.prior):
            raise ValueError("prior 'own' is the folder of masks whose key is in data.prior")
        if self.start != "random" and self.target == "shared":
            raise ValueError(
                f"start {self.start!r} is for a target with a sigmoid of its own: target 'own'"
            )
        return self

    def needs(self) -> tuple[Run, ...]:
        """The first step alone: the guided one is this run."""
        return (self.step1,) if self.step1 else ()

    @property
    def data(self) -> DataConfig:
        return self.region.data

    @property
    def seed(self) -> int:
        return self.region.seed

    @property
    def step1(self) -> PretrainConfig | None:
        """The Pd+mix that f and g start from."""
        return self.region.step1

    @property
    def method(self) -> str:
        return "guide"

    def work(self) -> tuple[Work, ...]:
        """Its region discrimination; the judge is little beside it."""
        return self.region.work()

    def slug(self) -> str:
        knobs = f"{self.judge}-c{self.region.clusters}-b{self.region.base}-s{self.seed}"
        return f"guide-{self.prior}-{self.data.source}-{knobs}"


class RefineConfig(Strict):
    """A segmentation network trained on pseudo labels. Lengths in optimiser steps.

    Attributes:
        weight: of a pixel in Eq. 23: 1 (Refine), its uncertainty u as printed, or 1 - u.
        augmentations: E of Eq. 21-22.
        images: the first so many of the images get labels; None takes all.
    """

    steps: int = Field(ge=1)
    weight: WeightName = "even"
    augmentations: int = Field(default=30, ge=1)
    images: int | None = Field(default=None, ge=1)
    batch: int = Field(default=8, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    halve_every: int = Field(default=0, ge=0)


class SynthesisConfig(Strict):
    """CycleGAN or SynSeg between reference masks and images. Lengths in optimiser steps.

    Attributes:
        images: real images, those that the guide clusters.
        base: channels of the generators' first convolution, 64 in Zhu et al. 2017.
        blocks: residual blocks of a generator; theirs are 6 at 128 pixels and 9 at 256.
        judge_base: channels of the patch discriminators' first convolution, theirs 64.
        segment_base: width of the segmentation network, as elsewhere.
        segment_steps: of its training on synthetic pairs (CycleGAN); SynSeg has none of its own.
        cycle_weight: lambda, theirs 10.
        scale: whole images and masks, or windows of both, see `GuideConfig.references`.
        lit: windows of an image that lie less than this inside its field of view are drawn again:
            a mask says nothing of a field's edge.
        jitter: whether the colours vary of what segmentation networks are trained on: a generator
            knows but one.
        pool: earlier translations that the discriminators are shown too, theirs 50.
    """

    images: DataConfig
    crop: int = Field(ge=32)
    steps: int = Field(ge=1)
    segment_steps: int = Field(ge=0)
    segment_base: int = Field(ge=1)
    masks: int = Field(default=10, ge=1)
    base: int = Field(default=64, ge=1)
    blocks: int = Field(default=9, ge=0)
    judge_base: int = Field(default=64, ge=1)
    batch: int = Field(default=1, ge=1)
    learning_rate: float = Field(default=2e-4, gt=0)
    segment_rate: float = Field(default=1e-3, gt=0)
    halve_every: int = Field(default=0, ge=0)
    cycle_weight: float = Field(default=10.0, ge=0)
    pool: int = Field(default=50, ge=0)
    lit: float = Field(default=0.0, ge=0, le=1)
    jitter: bool = False
    scale: ScaleName = "whole"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.crop % 16 or self.crop > self.images.size:
            raise ValueError(f"crop {self.crop} must be a multiple of 16 within {self.images.size}")
        return self


class FloorConfig(Strict):
    """A filter that trains nothing, cut at the share of reference masks as they are drawn.

    Attributes:
        images: those that it labels for "refine", and nothing otherwise.
        base, border: of the network that is trained on these labels.
    """

    references: ReferenceName
    crop: int = Field(ge=32)
    masks: int = Field(default=10, ge=1)
    images: DataConfig | None = None
    base: int = Field(default=16, ge=1)
    border: BorderName = "zeros"


class ShapeConfig(Run):
    """One output of shape-guided segmentation, or a baseline, scored on the vessel test sets.

    Attributes:
        data: the test images' size, and for phantoms their number and seed.
        output: "ori" (r of the clustering branch), "clu" (Eq. 20), "refine" (Eq. 21-23), or a
            baseline.
        guide: the trained clustering; None for the baselines.
        refine: belongs to "refine".
        synthesis: belongs to the baselines.
        floor: belongs to "top-hat", and to "refine" where the filter labels in the guide's place.
        cut: a map becomes a mask where it is above one half, or where it is strongest, in as much
            of each field of view as the reference masks cover of what is drawn of them.
        looks: symmetries of the square whose maps are averaged.
    """

    kind: ClassVar[str] = "shape"
    maker: ClassVar[str] = "ldl.train.shape:make"
    version: ClassVar[int] = 2

    data: DataConfig
    prior: PriorName
    output: OutputName
    seed: int = 0
    guide: GuideConfig | None = None
    refine: RefineConfig | None = None
    synthesis: SynthesisConfig | None = None
    floor: FloorConfig | None = None
    cut: CutName = "half"
    looks: int = Field(default=1, ge=1, le=8)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.data.size % 16:
            raise ValueError(f"data.size {self.data.size} must be a multiple of 16")
        wanted = {
            "guide": self.output in _GUIDED and not self.filtered,
            "refine": self.output == "refine",
            "synthesis": self.output in _SYNTHETIC,
            "floor": self.output == "top-hat" or self.filtered,
        }
        for name, needed in wanted.items():
            if (getattr(self, name) is not None) != needed:
                raise ValueError(
                    f"output {self.output!r} {'needs' if needed else 'has no'} {name!r}"
                )
        return self

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.guide and (self.guide.prior, self.guide.seed) != (self.prior, self.seed):
            raise ValueError(
                f"guide ({self.guide.prior}, seed {self.guide.seed}) does not fit prior "
                f"{self.prior!r}, seed {self.seed}"
            )
        if self.synthesis and (self.output == "cyclegan") != (self.synthesis.segment_steps > 0):
            raise ValueError("segment_steps belongs to cyclegan; synseg trains both together")
        return self

    @property
    def filtered(self) -> bool:
        """Whether a network is trained on a filter's labels."""
        return bool(self.output == "refine" and self.floor and self.floor.images)

    @property
    def trains(self) -> bool:
        """Whether a network of its own comes out."""
        return self.output not in ("ori", "clu", "top-hat")

    @property
    def repeat(self) -> int | None:
        """Its seed; a filter has none."""
        return None if self.output == "top-hat" else self.seed

    @property
    def method(self) -> str:
        """What is measured, for run ids."""
        if self.refine:
            return f"refine-{'top-hat' if self.floor else self.refine.weight}"
        return self.output

    def work(self) -> tuple[Work, ...]:
        """The segmentation network on pseudo labels; or a translation, and one on its pairs."""
        if self.refine and (taught := self.guide.region if self.guide else self.floor):
            return (Work(self.refine.steps, self.refine.batch, taught.crop, taught.base),)
        if not self.synthesis:
            return ()
        # Masks and images, there and back, and before the judges.
        one, passes = self.synthesis, 8
        translated = Work(one.steps, passes * one.batch, one.crop, one.base)
        segmented = Work(one.segment_steps, SEGMENT_BATCH, one.crop, one.segment_base)
        return (translated, segmented) if one.segment_steps else (translated,)

    def slug(self) -> str:
        judge = f"-{self.guide.judge}" if self.guide else ""
        place = f"{self.prior}-{self.data.source}"
        return f"shape-{self.method}{judge}-{place}-s{self.seed}"
