"""Strict models of Localized Region Contrast: pretraining its local branch, and fine-tuning."""

from typing import Literal, Self

from pydantic import Field, model_validator

from ldl.config import ComparisonConfig, ScheduleName, Strict
from ldl.config_ct import CtConfig, GlobalConfig, PartName
from ldl.data.elastic import ElasticConfig
from ldl.data.superpixels import SuperpixelConfig


class LocalRegionConfig(Strict):
    """Pretraining of the local branch, E_l and D_l. Lengths are in optimiser steps.

    Attributes:
        base: width of the U-Net; 64 is U-Net's own.
        batch: slices a step; each comes with its elastic transform.
        features: D.
        samples: N; None takes all pixels of a region.
        temperature: tau_l; the paper names none.
        smallest: pixels that a region needs in both views.
        normalise: whether region vectors are unit vectors; the paper does not say.
        intensity: largest relative change of the bent slice's brightness and contrast; 0 leaves
            gray values as they are, as the paper does, which alone tell many regions apart.
    """

    data: CtConfig
    base: int = Field(ge=1)
    steps: int = Field(ge=1)
    batch: int = Field(ge=1)
    halve_every: int = Field(ge=0)
    learning_rate: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=1e-4, ge=0)
    features: int = Field(default=64, ge=2)
    samples: int | None = Field(default=50, ge=1)
    temperature: float = Field(default=0.1, gt=0)
    formulation: Literal["paper", "distinct"] = "paper"
    smallest: int = Field(default=4, ge=1)
    normalise: bool = True
    intensity: float = Field(default=0.0, ge=0, lt=1)
    superpixels: SuperpixelConfig = Field(default_factory=SuperpixelConfig)
    elastic: ElasticConfig = Field(default_factory=ElasticConfig)
    part: PartName = "train"
    seed: int = 0

    @property
    def method(self) -> str:
        """What run ids and tables call it."""
        return "lrc"

    def run_id(self) -> str:
        """Readable slug and hash, the run's name in the store."""
        count = "all" if self.samples is None else self.samples
        place = f"{self.data.region}-{self.data.source}"
        knobs = f"n{count}-{self.formulation}-b{self.base}-s{self.seed}"
        return f"pretrain-lrc-ct-{place}-{knobs}-{self.digest()}"


LossName = Literal["organs", "dice", "dice+ce"]
DrawName = Literal["slices", "organs"]


class OrganConfig(Strict):
    """One fine-tuning on labelled volumes, and its test.

    Attributes:
        loss: see `ldl.losses.organ_dice.organ_losses`. The default is what the first records were
            made with, and not what anybody should use: it loses organs.
        draw: "slices" takes every slice once an epoch; "organs" fills half of each batch with
            slices that show one organ after the other, so that rare organs are seen.
        schedule, warmup: of the rate, see `ldl.train.loop.Plan`; the cosine takes no notice of
            ``halve_every``.
        budget: |X_T|, the labelled volumes it learns from; fewer where fewer are at hand.
        backbone: of E_g; "none" leaves the global branch out ("LRC only").
        base: width of E_g and D_g.
        validate_every: steps between two scores of the validation volumes.
        elastic: how slices and labels are bent while training; None: not at all.
        local_base: width of the local branch's U-Net; 0 leaves it out ("without LRC").
        features: D of each branch.
        validation, test: at most so many volumes; None takes all.
        encoder: E_g's pretraining, on CT or on other images (a stand-in for ImageNet's); None
            starts it at random.
        local: the local branch's pretraining; None starts it at random.
        second: instead, a second network pretrained by MoCo in the local branch's place (Table 2).
    """

    data: CtConfig
    budget: int = Field(ge=1)
    base: int = Field(ge=1)
    steps: int = Field(ge=1)
    validate_every: int = Field(ge=1)
    backbone: Literal["vgg", "resnet50", "vit", "none"] = "resnet50"
    batch: int = Field(default=8, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    halve_every: int = Field(default=0, ge=0)
    weight_decay: float = Field(default=1e-4, ge=0)
    loss: LossName = "organs"
    draw: DrawName = "slices"
    schedule: ScheduleName = "halving"
    warmup: int = Field(default=0, ge=0)
    elastic: ElasticConfig | None = Field(default_factory=ElasticConfig)
    local_base: int = Field(default=0, ge=0)
    features: int = Field(default=64, ge=2)
    validation: int | None = Field(default=None, ge=1)
    test: int | None = Field(default=None, ge=1)
    seed: int = 0
    encoder: GlobalConfig | ComparisonConfig | None = None
    local: LocalRegionConfig | None = None
    second: GlobalConfig | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.backbone == "none" and not self.local_base:
            raise ValueError("backbone 'none' needs a local branch: set local_base")
        if self.budget > max(self.data.budgets):
            raise ValueError(f"budget {self.budget} is not within data.budgets {self.data.budgets}")
        if self.local and self.second:
            raise ValueError("second takes the place of local: give one of them")
        return self

    @model_validator(mode="after")
    def _branches_fit(self) -> Self:
        encoder, local, second = self.encoder, self.local, self.second
        if encoder and (encoder.backbone, encoder.base) != (self.backbone, self.base):
            raise ValueError(
                f"encoder ({encoder.backbone}, base {encoder.base}) does not fit "
                f"{self.backbone}, base {self.base}"
            )
        if local and (local.base, local.features) != (self.local_base, self.features):
            raise ValueError(
                f"local (base {local.base}, features {local.features}) does not fit local_base "
                f"{self.local_base}, features {self.features}"
            )
        if second and (second.backbone, second.base) != ("unet", self.local_base):
            raise ValueError(
                f"second ({second.backbone}, base {second.base}) does not fit a unet of "
                f"local_base {self.local_base}"
            )
        return self

    @model_validator(mode="after")
    def _test_is_unseen(self) -> Self:
        for name in ("encoder", "local", "second"):
            seen = getattr(self, name)
            # What was pretrained on other images than CT has seen no volume.
            if isinstance(seen, ComparisonConfig) and not isinstance(seen, GlobalConfig):
                continue
            if seen and not seen.data.keeps_apart(seen.part, self.data):
                raise ValueError(
                    f"{name} was pretrained on volumes of the set it is tested on: give its data "
                    "the same volumes, seed, budgets and leave_out, and part 'train'"
                )
        return self

    @property
    def branch(self) -> str:
        """What stands beside E_g: nothing, LRC, a second MoCo, or a U-Net that starts at random."""
        if self.local:
            return "lrc"
        if self.second:
            return "moco2"
        return "unet" if self.local_base else "alone"

    def run_id(self) -> str:
        """Readable slug and hash, the run's name in the store."""
        start: str = self.encoder.method if self.encoder else "scratch"
        start = "only" if self.backbone == "none" else start
        place = f"{self.data.region}-{self.data.source}"
        return f"organs-{start}-{self.branch}-{place}-v{self.budget}-s{self.seed}-{self.digest()}"
