"""Localized Region Contrast on CT: slice banks, pretraining of both branches, fine-tuning."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from ldl.config import Strict
from ldl.runs.base import Run, Work
from ldl.runs.pretrain import BorderName, ComparisonConfig, ScheduleName
from ldl.tasks import facts

# A cubic B-spline displacement in two dimensions is one to one while every control point moves by
# less than this share of their spacing (Choi and Lee, 2000).
ONE_TO_ONE = 0.48
# The smallest superpixel grows with the picture: 4, 8, 16 and 32 pixels at 64, 128, 256 and 512.
SIDE_TO_SMALLEST = 16
RegionName = Literal["abdomen", "thorax", "head_neck"]
SourceName = Literal[
    "phantom",
    "open",
    "abdomen1k",
    "abd110",
    "btcv",
    "thorax85",
    "segthor",
    "han",
    "openkbp",
]
# Methods that contrast two views of an image.
TWO_VIEWS = ("moco", "mocov2", "byol", "densecl", "simsiam")
# Volumes that a pretraining sees: those for training, or those for test as well, where nothing is
# tested on that set. Volumes for validation are for watching it.
PartName = Literal["train", "all"]
Positive = Annotated[float, Field(gt=0)]


class CtConfig(Strict):
    """Which slice bank, see `ldl.data.ct.slice_bank`.

    Attributes:
        source: "phantom", "open" (the region's stand-in) or a data set.
        size: side of the slices in pixels.
        spacing: voxel size (z, y, x) in mm; the paper's is (2.5, 1.0, 1.0). None: 2.5 mm between
            slices and the region's whole field in ``size`` pixels; phantoms stay as drawn.
        volumes: use the first so many only.
        slices: of a phantom.
        seed: of the splits, and of the phantoms.
        budgets: numbers of labelled volumes that the split leaves for training where it can.
        leave_out: leave unusable volumes out, each named, instead of writing no bank.
    """

    region: RegionName
    source: SourceName
    size: int = Field(ge=16, le=1024)
    # JSON has no tuples: lists are taken for them.
    spacing: Annotated[tuple[Positive, Positive, Positive], Field(strict=False)] | None = None
    volumes: int | None = Field(default=None, ge=1)
    slices: int = Field(default=24, ge=5)
    seed: int = 0
    budgets: Annotated[tuple[int, ...], Field(strict=False, min_length=1)] = (10, 60)
    leave_out: bool = False

    def set_name(self) -> str:
        """The set that "open" means in this region; any other source as it is."""
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


# JSON has no tuples: lists are taken for them.
MoreSets = Annotated[tuple[CtConfig, ...], Field(strict=False)]


class ElasticConfig(Strict):
    """How strongly images are bent.

    Attributes:
        cells: the control points' spacing is the image's side divided by this.
        strength: largest displacement along each axis, as a share of the image's side.
        turn: largest rotation about the image's centre that comes on top, in degrees.
        shift: largest displacement of the whole image that comes on top, as a share of its side.
            The paper has neither; without them a region is still found where it was.
    """

    cells: int = Field(default=6, ge=1, le=64)
    strength: float = Field(default=0.06, ge=0)
    turn: float = Field(default=0.0, ge=0, le=180)
    shift: float = Field(default=0.0, ge=0, le=0.5)

    @model_validator(mode="after")
    def _unfolded(self) -> Self:
        most = ONE_TO_ONE / self.cells
        if self.strength > most:
            raise ValueError(
                f"strength {self.strength} folds the image; {self.cells} cells allow {most:.3f}"
            )
        return self


class SuperpixelConfig(Strict):
    """Felzenszwalb's parameters on slices of 0..255 grey levels, and what counts as air.

    The paper gives none. Chosen on 40 slices each of abdomen, thorax and head-and-neck CT among
    scales 10-50 and sigmas 0.3-0.8: at sigma 0.5, 20 is the largest scale at which, at 128 and 256
    px, less than a tenth of an organ's pixels (mean over the organs of a set) lie in regions that
    hold more of another organ (`ldl.data.superpixels.quality`). In the abdomen it is
    0.03 at both, in head and neck 0.01, in the thorax 0.10 and 0.06, where the esophagus is a few
    pixels wide. At 64 px the thorax has 0.13, and no setting less than 0.11.

    Attributes:
        scale: the larger, the larger the regions.
        sigma: of the Gaussian that smooths the slice first, in pixels.
        min_size: smaller regions are merged into a neighbour, in pixels; None: a sixteenth of the
            slice's shorter side.
        air: grey levels up to this, connected with the slice's edge through such pixels, lie
            outside the body and belong to no region, nor do islands in them (the table) of less
            than 5 % of the body. Air inside (lungs, bowel) stays. -1: the whole slice is body.
    """

    scale: float = Field(default=20.0, gt=0)
    sigma: float = Field(default=0.5, ge=0)
    min_size: int | None = Field(default=None, ge=1)
    air: int = Field(default=4, ge=-1, le=255)

    def smallest(self, height: int, width: int) -> int:
        """``min_size`` in pixels for slices of this size."""
        return self.min_size or max(1, min(height, width) // SIDE_TO_SMALLEST)


class GlobalConfig(ComparisonConfig):
    """Pretraining of the global encoder E_g on CT slices, by a method of the comparison set.

    ``elastic`` makes positives as LRC section 2.1 does: a slice and its elastic transform, for
    methods that contrast two views; None: by the method's own views. ``more`` are further sets
    whose slices are seen beside those of ``data``, without their labels. Backbone ``unet`` is the
    local branch's encoder E_l under MoCo: the second network of LRC's Table 2, of the same size as
    the local branch.
    """

    kind: ClassVar[str] = "ct-global"
    maker: ClassVar[str] = "ldl.train.ct_global:make_global"

    modality: Literal["ct"] = "ct"
    data: CtConfig  # type: ignore[assignment]
    more: MoreSets = ()
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
        return 1

    def slug(self) -> str:
        knobs = f"{self.backbone}-b{self.base}-s{self.seed}"
        place = f"{self.data.region}-{self.data.source}"
        return f"pretrain-{self.method}-ct-{place}-{knobs}"


class LocalRegionConfig(Run):
    """Pretraining of the local branch, E_l and D_l. Lengths are in optimiser steps.

    Attributes:
        more: further sets whose slices are seen beside those of ``data``, without their labels.
        base: width of the U-Net; 64 is U-Net's own.
        batch: slices a step; each comes with its elastic transform.
        features: D.
        samples: N; None takes all pixels of a region.
        temperature: tau_l; the paper names none.
        smallest: pixels that a region needs in both views.
        normalise: whether region vectors are unit vectors; the paper does not say.
        intensity: largest relative change of the bent slice's brightness and contrast; 0 leaves
            gray values as they are, as the paper does, which alone tell many regions apart.
        border: of every convolution; zeros tell how far the edge of the slice is.
    """

    kind: ClassVar[str] = "ct-local"
    maker: ClassVar[str] = "ldl.train.local_region:make_local"

    data: CtConfig
    more: MoreSets = ()
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
    border: BorderName = "zeros"
    superpixels: SuperpixelConfig = Field(default_factory=SuperpixelConfig)
    elastic: ElasticConfig = Field(default_factory=ElasticConfig)
    part: PartName = "train"
    seed: int = 0

    @property
    def method(self) -> str:
        return "lrc"

    def work(self) -> tuple[Work, ...]:
        """Each slice and its transform."""
        return (Work(self.steps, 2 * self.batch, self.data.size, self.base),)

    def slug(self) -> str:
        count = "all" if self.samples is None else self.samples
        place = f"{self.data.region}-{self.data.source}"
        knobs = f"n{count}-{self.formulation}-b{self.base}-s{self.seed}"
        return f"pretrain-lrc-ct-{place}-{knobs}"


class ProbeConfig(Run):
    """What a pretraining on CT learned, asked of volumes that it did not learn from.

    Its own loss, once the method's head was trained anew on the frozen encoder, and organs by a
    linear read-out, both beside the same network before its first step.

    Attributes:
        heads, rate: steps of that head, the same for all methods, and Adam's rate.
        slices: with an organ, that the read-out learns from.
        batches: over which layers that normalise settle.
        stride: of a held-out volume every so many slices are read.
    """

    kind: ClassVar[str] = "ct-probe"
    maker: ClassVar[str] = "ldl.train.ct_probe:make_probe"

    encoder: GlobalConfig | LocalRegionConfig
    heads: int = Field(default=100, ge=1)
    rate: float = Field(default=1e-3, gt=0)
    slices: int = Field(default=80, ge=1)
    batches: int = Field(default=40, ge=1)
    stride: int = Field(default=4, ge=1)

    @property
    def data(self) -> CtConfig:
        """What the encoder was pretrained on."""
        return self.encoder.data

    @property
    def seed(self) -> int:
        return self.encoder.seed

    @property
    def trains(self) -> bool:
        """What it trains it throws away."""
        return False

    def slug(self) -> str:
        place = f"{self.data.region}-{self.data.source}"
        return f"probe-{self.encoder.method}-{place}-s{self.seed}"


LossName = Literal["organs", "dice", "dice+ce", "dice+wce"]
DrawName = Literal["slices", "organs"]


class OrganConfig(Run):
    """One fine-tuning on labelled volumes, and its test.

    Attributes:
        loss: see `ldl.losses.dice.organ_losses`. The default is what the first records were
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
        border: of every convolution but those of a ResNet or ViT; the same as in pretraining.
        validation, test: at most so many volumes; None takes all.
        encoder: E_g's pretraining, on CT or on other images (a stand-in for ImageNet's); None
            starts it at random.
        local: the local branch's pretraining; None starts it at random.
        second: instead, a second network pretrained by MoCo in the local branch's place (Table 2).
    """

    kind: ClassVar[str] = "organs"
    maker: ClassVar[str] = "ldl.train.organs:make_organs"

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
    border: BorderName = "zeros"
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
        for name in ("encoder", "local", "second"):
            pretrained = getattr(self, name)
            if pretrained and pretrained.border != self.border:
                raise ValueError(
                    f"{name} was pretrained with border {pretrained.border!r}, not {self.border!r}"
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
            sets = (seen.data, *seen.more) if seen else ()
            if not all(one.keeps_apart(seen.part, self.data) for one in sets):
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

    def home(self) -> str:
        """All fine-tunings of a region from scratch are one job."""
        return f"organs-scratch-{self.data.region}-{self.data.source}-{self.data.size}"

    def work(self) -> tuple[Work, ...]:
        width = self.local_base + (0 if self.backbone == "none" else self.base)
        return (Work(self.steps, self.batch, self.data.size, width),)

    def slug(self) -> str:
        start: str = self.encoder.method if self.encoder else "scratch"
        start = "only" if self.backbone == "none" else start
        place = f"{self.data.region}-{self.data.source}"
        return f"organs-{start}-{self.branch}-{place}-v{self.budget}-s{self.seed}"
