"""Pretraining by one of LDL's methods or by a method it is compared with."""

from dataclasses import dataclass
from importlib.resources import files
from typing import Annotated, Any, ClassVar, Literal, Self, get_args

import yaml
from pydantic import Discriminator, Field, Tag, model_validator

from ldl.config import TAGS, DataConfig
from ldl.runs.base import Run, Work
from ldl.tasks import CHANNELS, Modality

MethodName = Literal["pd", "pd+mix", "rd", "pd+mix+ms", "pd+mix+ms+cs"]
ComparisonName = Literal[
    "instdisc",
    "embinva",
    "moco",
    "mocov2",
    "simclr",
    "rotori",
    "densecl",
    "supervised",
    "relative-location",
    "rotation",
    "byol",
    "simsiam",
    "genesis",
    "mae",
    "imagenet",
    "random",
]
BackboneName = Literal["vgg", "resnet50", "vit"]
FormulationName = Literal["released", "paper"]
# What lies beyond the border of a map. Zeros, as published, tell a network with a VGG's receptive
# field how far away the border is; replicated values do not.
BorderName = Literal["zeros", "replicate"]
# What a view shows: the whole image, as published, or a window with about as many pixels as the
# view has, so that structures keep the width they have in the bank.
ScaleName = Literal["whole", "native"]
OptimizerName = Literal["adam", "sgd", "lars"]
ScheduleName = Literal["halving", "cosine"]


class Pretraining(Run):
    """What pretrainings have in common. Lengths are in optimiser steps, sizes in pixels."""

    modality: Modality
    data: DataConfig
    base: int = Field(ge=1)
    crop: int = Field(ge=32)
    halve_every: int = Field(ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    border: BorderName = "zeros"
    scale: ScaleName = "whole"
    seed: int = 0

    @model_validator(mode="after")
    def _crop_fits(self) -> Self:
        if self.crop % 16 or self.crop > self.data.size:
            raise ValueError(f"crop {self.crop} must be a multiple of 16 within {self.data.size}")
        return self

    @property
    def channels(self) -> int:
        return CHANNELS[self.modality]


class PretrainConfig(Pretraining):
    """One pretraining by one of LDL's methods.

    ``patch_grid`` divides the crop into that many cells a side. Methods with windows of random size
    have no grid; its square is then how many windows of an image enter the loss at most.
    ``formulation`` "paper" has the paper's candidates of Eq. 4-5, its product over wrong regions
    (Eq. 12), lambda of (0, 1) and the natural logarithm of Eq. 29; sums stay means in both, since
    the weights of Eq. 28 fit means alone.
    ``statistics`` "unmixed": batch normalisation's are estimated anew after training, on views
    without mixed images among them.
    """

    kind: ClassVar[str] = "pretrain"
    maker: ClassVar[str] = "ldl.train.pretrain:make"

    method: MethodName
    steps: int = Field(ge=1)
    embedding: int = Field(default=32, ge=2)
    patch_grid: int = Field(default=8, ge=1)
    clusters: int = Field(default=0, ge=0)
    groups: int = Field(default=4, ge=1)
    patch_temperature: float = Field(default=0.1, gt=0)
    region_temperature: float = Field(default=0.2, gt=0)
    region_weight: float = 10.0
    entropy_weight: float = 0.1
    formulation: FormulationName = "released"
    symmetries: Literal["rotations", "dihedral"] = "rotations"
    statistics: Literal["running", "unmixed"] = "running"
    step1: "PretrainConfig | None" = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.crop % self.patch_grid:
            raise ValueError(f"patch_grid {self.patch_grid} must divide crop {self.crop}")
        if (self.method == "rd") != (self.clusters > 0):
            raise ValueError("clusters must be above 0 for method 'rd' and 0 for the others")
        if (self.method == "rd") != (self.step1 is not None):
            raise ValueError("step1 belongs to method 'rd', which starts from its weights")
        if self.step1:
            agree(self, self.step1, "step1", "border", "scale")
        return self

    def work(self) -> tuple[Work, ...]:
        """Two views of 2 groups of images, and both mixed."""
        views = 4 if self.method == "pd" else 6
        return (Work(self.steps, views * self.groups, self.crop, self.base),)

    def slug(self) -> str:
        knobs = f"g{self.patch_grid}-c{self.clusters}-b{self.base}-s{self.seed}"
        method = self.method.replace("+", "-")
        return f"pretrain-{method}-{self.modality}-{self.data.source}-{knobs}"


class ComparisonConfig(Pretraining):
    """One pretraining by a comparison method.

    ``knobs`` replace hyperparameters of the method's file by name (queue, temperature, ...); the
    method refuses what it does not know. ``optimizer``, ``schedule`` and ``warmup`` are those of
    `ldl.train.loop.Plan`; the cosine takes no notice of ``halve_every``. ``base`` counts
    channels of the backbone's first stage: 64 is the published VGG16 and ResNet-50, and ViT-Base.
    """

    kind: ClassVar[str] = "comparison"
    maker: ClassVar[str] = "ldl.train.comparison:make"

    method: ComparisonName
    steps: int = Field(ge=0)
    batch: int = Field(ge=4)
    optimizer: OptimizerName = "adam"
    schedule: ScheduleName = "halving"
    warmup: int = Field(default=0, ge=0)
    weight_decay: float = Field(default=0.0, ge=0)
    backbone: BackboneName = "vgg"
    knobs: dict[str, int | float | str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.backbone != "vgg" and self.border != "zeros":
            raise ValueError(f"border {self.border} is for a vgg; a {self.backbone} has zeros")
        return self

    @property
    def step1(self) -> None:
        """No comparison method starts from another run."""
        return None

    def work(self) -> tuple[Work, ...]:
        """Two views of each image."""
        return (Work(self.steps, 2 * self.batch, self.crop, self.base),) if self.steps else ()

    def slug(self) -> str:
        kind = "" if self.backbone == "vgg" else f"{self.backbone}-"
        knobs = f"{kind}b{self.base}-s{self.seed}"
        place = f"{self.modality}-{self.data.source}"
        return f"pretrain-{self.method}-{place}-{knobs}"


def agree(config: Run, before: Run, name: str, *fields: str) -> None:
    """Hold ``fields`` of ``config`` against those of the run it starts from, called ``name``."""
    for field in fields:
        ours, theirs = getattr(config, field), getattr(before, field)
        if ours != theirs:
            raise ValueError(f"{field} {ours} is not that of {name}, {theirs}")


def _family(encoder: Any) -> str:
    """Which model an encoder's fields are held against: that of its method."""
    method = encoder.get("method") if isinstance(encoder, dict) else encoder.method
    return TAGS[1] if method in get_args(ComparisonName) else TAGS[0]


EncoderConfig = Annotated[
    Annotated[PretrainConfig, Tag(TAGS[0])] | Annotated[ComparisonConfig, Tag(TAGS[1])],
    Discriminator(_family),
]


@dataclass(frozen=True)
class Training:
    """How the original trains, see ``originals.yaml``."""

    optimizer: OptimizerName
    rate: float
    schedule: ScheduleName
    source: str
    weight_decay: float = 0.0
    warmup: float = 0.0

    def fields(self, batch: int, steps: int) -> dict[str, Any]:
        """For a config of so many steps of so many images."""
        return {
            "optimizer": self.optimizer,
            "schedule": self.schedule,
            "learning_rate": self.rate * batch / 256,
            "warmup": round(self.warmup * steps),
            "weight_decay": self.weight_decay,
        }


_READ = yaml.safe_load(files("ldl.runs").joinpath("originals.yaml").read_text(encoding="utf-8"))
TRAINING = {method: Training(**one) for method, one in _READ["training"].items()}
# Method -> knob -> (our value, why the original's does not fit).
SMALL: dict[str, dict[str, tuple[int | float | str, str]]] = {
    method: {knob: tuple(one) for knob, one in knobs.items()}
    for method, knobs in _READ["small"].items()
}


def small(method: str) -> dict[str, int | float | str]:
    """Our values of the hyperparameters that `SMALL` replaces."""
    return {name: value for name, (value, _) in SMALL.get(method, {}).items()}
