"""Strict models of every knob; an unknown or mistyped one is an error that names the nearest."""

import difflib
import hashlib
import json
from typing import Annotated, Any, Literal, Self, TypeVar, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    model_validator,
)

from ldl.data.tasks import CHANNELS, Modality, task_named
from ldl.errors import ConfigError

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


class Strict(BaseModel):
    """Frozen, no unknown fields, no silent conversion of types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    def digest(self) -> str:
        """Eight hex digits of the fields that differ from their defaults.

        Leaving defaults out keeps old ids valid when a later version adds a knob.
        """
        fields = self.model_dump(mode="json", exclude_defaults=True)
        return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:8]


class DataConfig(Strict):
    """Which images. ``open`` reads prepared originals, ``phantom`` draws them from a seed."""

    source: Literal["phantom", "open"]
    size: int = Field(ge=32, le=2048)
    images: int | None = Field(default=None, ge=16)
    train: int = Field(default=10, ge=5)
    test: int = Field(default=10, ge=1)
    seed: int = 0


class PretrainConfig(Strict):
    """One pretraining run. Lengths are in optimiser steps, sizes in pixels.

    ``patch_grid`` divides the crop into that many cells a side. Methods with windows of random size
    have no grid; its square is then how many windows of an image enter the loss at most.
    ``statistics`` "unmixed": batch normalisation's are estimated anew after training, on views
    without mixed images among them.
    """

    method: MethodName
    modality: Modality
    data: DataConfig
    base: int = Field(ge=1)
    steps: int = Field(ge=1)
    crop: int = Field(ge=32)
    halve_every: int = Field(ge=1)
    embedding: int = Field(default=32, ge=2)
    patch_grid: int = Field(default=8, ge=1)
    clusters: int = Field(default=0, ge=0)
    groups: int = Field(default=4, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    patch_temperature: float = Field(default=0.1, gt=0)
    region_temperature: float = Field(default=0.2, gt=0)
    region_weight: float = 10.0
    entropy_weight: float = 0.1
    formulation: FormulationName = "released"
    symmetries: Literal["rotations", "dihedral"] = "rotations"
    border: BorderName = "zeros"
    scale: ScaleName = "whole"
    statistics: Literal["running", "unmixed"] = "running"
    seed: int = 0
    step1: "PretrainConfig | None" = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.crop % 16 or self.crop > self.data.size:
            raise ValueError(f"crop {self.crop} must be a multiple of 16 within {self.data.size}")
        if self.crop % self.patch_grid:
            raise ValueError(f"patch_grid {self.patch_grid} must divide crop {self.crop}")
        if (self.method == "rd") != (self.clusters > 0):
            raise ValueError("clusters must be above 0 for method 'rd' and 0 for the others")
        if (self.method == "rd") != (self.step1 is not None):
            raise ValueError("step1 belongs to method 'rd', which starts from its weights")
        if self.step1:
            _agree(self, self.step1, "step1", "border", "scale")
        return self

    @property
    def channels(self) -> int:
        """Input channels of the modality."""
        return CHANNELS[self.modality]

    def run_id(self) -> str:
        """Readable slug and hash, the run's name in the store."""
        knobs = f"g{self.patch_grid}-c{self.clusters}-b{self.base}-s{self.seed}"
        method = self.method.replace("+", "-")
        return f"pretrain-{method}-{self.modality}-{self.data.source}-{knobs}-{self.digest()}"


class ComparisonConfig(Strict):
    """One pretraining run of a comparison method. Lengths are in optimiser steps, sizes in pixels.

    ``knobs`` replace hyperparameters of the method's file by name (queue, temperature, ...); the
    method refuses what it does not know. ``optimizer``, ``schedule`` and ``warmup`` are those of
    `ldl.train.loop.Plan`; the cosine takes no notice of ``halve_every``. ``base`` counts
    channels of the backbone's first stage: 64 is the published VGG16 and ResNet-50, and ViT-Base.
    """

    method: ComparisonName
    modality: Modality
    data: DataConfig
    base: int = Field(ge=1)
    steps: int = Field(ge=0)
    crop: int = Field(ge=32)
    batch: int = Field(ge=4)
    halve_every: int = Field(ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    optimizer: OptimizerName = "adam"
    schedule: ScheduleName = "halving"
    warmup: int = Field(default=0, ge=0)
    backbone: BackboneName = "vgg"
    border: BorderName = "zeros"
    scale: ScaleName = "whole"
    knobs: dict[str, int | float | str] = Field(default_factory=dict)
    seed: int = 0

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.crop % 16 or self.crop > self.data.size:
            raise ValueError(f"crop {self.crop} must be a multiple of 16 within {self.data.size}")
        if self.backbone != "vgg" and self.border != "zeros":
            raise ValueError(f"border {self.border} is for a vgg; a {self.backbone} has zeros")
        return self

    @property
    def channels(self) -> int:
        """Input channels of the modality."""
        return CHANNELS[self.modality]

    @property
    def step1(self) -> None:
        """No comparison method starts from another run."""
        return None

    def run_id(self) -> str:
        """Readable slug and hash, the run's name in the store."""
        kind = "" if self.backbone == "vgg" else f"{self.backbone}-"
        knobs = f"{kind}b{self.base}-s{self.seed}"
        place = f"{self.modality}-{self.data.source}"
        return f"pretrain-{self.method}-{place}-{knobs}-{self.digest()}"


def _agree(config: Strict, before: Strict, name: str, *fields: str) -> None:
    for field in fields:
        ours, theirs = getattr(config, field), getattr(before, field)
        if ours != theirs:
            raise ValueError(f"{field} {ours} is not that of {name}, {theirs}")


def _family(encoder: Any) -> str:
    """Which model an encoder's fields are held against: that of its method."""
    method = encoder.get("method") if isinstance(encoder, dict) else encoder.method
    return _FAMILIES[1] if method in get_args(ComparisonName) else _FAMILIES[0]


_FAMILIES = ("ldl", "comparison")
EncoderConfig = Annotated[
    Annotated[PretrainConfig, Tag("ldl")] | Annotated[ComparisonConfig, Tag("comparison")],
    Discriminator(_family),
]


class TransferConfig(Strict):
    """One downstream training and its test. Without ``encoder`` it starts from scratch.

    ``crop``: side of the windows that are trained on, None for whole images; validation and test
    see whole images. ``validate_every``: epochs between two looks at the validation images.
    """

    task: str
    data: DataConfig
    base: int = Field(ge=1)
    full_epochs: int = Field(ge=1)
    frozen_epochs: int = Field(default=0, ge=0)
    batch_size: int = Field(default=2, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    label_fraction: float = Field(default=1.0, gt=0, le=1)
    crop: int | None = Field(default=None, ge=32)
    validate_every: int = Field(default=1, ge=1)
    border: BorderName = "zeros"
    seed: int = 0
    encoder: EncoderConfig | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        modality = task_named(self.task).modality
        if self.data.size % 16:
            raise ValueError(f"data.size {self.data.size} must be a multiple of 16")
        if self.encoder and (self.encoder.modality, self.encoder.base) != (modality, self.base):
            raise ValueError(
                f"encoder ({self.encoder.modality}, base {self.encoder.base}) does not fit "
                f"task {self.task} ({modality}, base {self.base})"
            )
        if isinstance(self.encoder, ComparisonConfig) and self.encoder.backbone != "vgg":
            raise ValueError(f"encoder is a {self.encoder.backbone}; these tasks start from a vgg")
        if self.encoder:
            _agree(self, self.encoder, "the encoder", "border")
        if self.crop and (self.crop % 16 or self.crop > self.data.size):
            raise ValueError(f"crop {self.crop} must be a multiple of 16 within {self.data.size}")
        return self

    def run_id(self) -> str:
        """Readable slug and hash, the run's name in the store."""
        method = self.encoder.method.replace("+", "-") if self.encoder else "scratch"
        share = f"f{round(100 * self.label_fraction)}-s{self.seed}"
        return f"transfer-{method}-{self.task}-{self.data.source}-{share}-{self.digest()}"


Model = TypeVar("Model", bound=Strict)


def build(model: type[Model], fields: dict[str, Any]) -> Model:
    """Validate ``fields`` as ``model``.

    Raises:
        ConfigError: one line for the first fault; an unknown field comes with the nearest knob.
    """
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise ConfigError(_first_line(model, error)) from None


def _first_line(model: type[Strict], error: ValidationError) -> str:
    # A misspelt required field is both unknown and missing; the unknown name says more.
    faults = sorted(error.errors(), key=lambda fault: fault["type"] != "extra_forbidden")
    fault = faults[0]
    where = ".".join(str(part) for part in fault["loc"] if part not in _FAMILIES) or model.__name__
    if fault["type"] != "extra_forbidden":
        return f"{model.__name__}: {where}: {fault['msg']} (given {fault['input']!r:.80})"
    name = str(fault["loc"][-1])
    near = difflib.get_close_matches(name, _knobs(), n=1, cutoff=0.0)
    return f"{model.__name__}: unknown knob {where!r}; did you mean {near[0]!r}?"


def _knobs() -> list[str]:
    models: tuple[type[Strict], ...] = (
        DataConfig,
        PretrainConfig,
        ComparisonConfig,
        TransferConfig,
    )
    return sorted({name for model in models for name in model.model_fields})
