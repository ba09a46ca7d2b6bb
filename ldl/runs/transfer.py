"""Transfer of an encoder to a segmentation task (LDL section 6.1.2)."""

import math
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from ldl.config import DataConfig
from ldl.runs.base import Run, Work
from ldl.runs.pretrain import BorderName, ComparisonConfig, EncoderConfig, agree
from ldl.tasks import CHANNELS, Modality, task_named


def taken(images: int, fraction: float) -> int:
    """How many of the images are used, at least one (LDL Figure 7)."""
    return max(1, round(fraction * images))


class TransferConfig(Run):
    """One downstream training and its test. Without ``encoder`` it starts from scratch.

    ``crop``: side of the windows that are trained on, None for whole images; validation and test
    see whole images. ``validate_every``: epochs between two looks at the validation images.
    """

    kind: ClassVar[str] = "transfer"
    maker: ClassVar[str] = "ldl.train.transfer:make"

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

    @property
    def modality(self) -> Modality:
        return task_named(self.task).modality

    @property
    def classes(self) -> int:
        return 1

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        modality = self.modality
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
            agree(self, self.encoder, "the encoder", "border")
        if self.crop and (self.crop % 16 or self.crop > self.data.size):
            raise ValueError(f"crop {self.crop} must be a multiple of 16 within {self.data.size}")
        return self

    def updates(self, images: int) -> int:
        """Of so many training images, of which it takes its share."""
        batches = math.ceil(taken(images, self.label_fraction) / self.batch_size)
        return batches * (self.frozen_epochs + self.full_epochs)

    def work(self) -> tuple[Work, ...]:
        """As if all sets had as many images as the phantoms'."""
        updates, side = self.updates(self.data.train), self.crop or self.data.size
        return (Work(updates, self.batch_size, side, self.base),)

    def home(self) -> str:
        """All tasks of a modality from scratch are one job."""
        modality = self.modality
        return f"scratch-{modality}-{self.data.source}-b{self.base}-e{self.full_epochs}"

    def slug(self) -> str:
        method = self.encoder.method.replace("+", "-") if self.encoder else "scratch"
        share = f"f{round(100 * self.label_fraction)}-s{self.seed}"
        return f"transfer-{method}-{self.task}-{self.data.source}-{share}"


class FinetuneConfig(TransferConfig):
    """The same on one's own images and masks, of ``maps`` classes."""

    kind: ClassVar[str] = "finetune"

    task: Literal["own"] = "own"
    images: Modality
    maps: int = Field(default=1, ge=1, le=8)

    @property
    def modality(self) -> Modality:
        return self.images

    @property
    def channels(self) -> int:
        return CHANNELS[self.images]

    @property
    def classes(self) -> int:
        """Kinds of foreground; a pixel may be of several."""
        return self.maps

    def slug(self) -> str:
        method = self.encoder.method.replace("+", "-") if self.encoder else "scratch"
        return f"finetune-{method}-{self.images}-folder-s{self.seed}"
