"""Strict model of one-shot localization (LDL sections 5.2 and 6.3)."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from ldl.config import DataConfig
from ldl.errors import ConfigError
from ldl.runs.base import Run
from ldl.runs.pretrain import PretrainConfig
from ldl.tasks import Modality

LandmarkName = Literal["disc", "fovea", "heart"]
LandmarkSource = Literal["phantom", "hrf", "idrid", "drishti_gs1", "idrid_segmentation", "scr"]
MatcherName = Literal["embedding", "centred", "features", "template", "place"]
WITH_NETWORK: tuple[MatcherName, ...] = ("embedding", "centred", "features")
# Windows of the test stage in pixels of a 512-pixel image (LDL 6.3.1); the fovea's is our own.
WINDOWS: dict[str, int] = {"disc": 64, "heart": 128, "fovea": 64}
WINDOW_SIZE = 512
FACTORS = (0.05, 0.10, 0.15, 0.20, 0.25)  # of the window: the columns of Table 7
SIGMA = 0.5  # of Eq. 24 (section 6.3.1), relative to half the window
# Raw features are taken where a window still holds this many a side.
LEAST_FEATURES = 3
Stride = Literal[1, 2, 4, 8, 16]
STRIDES: tuple[Stride, ...] = (1, 2, 4, 8, 16)
LANDMARK_MODALITY: dict[str, Modality] = {"disc": "fundus", "fovea": "fundus", "heart": "xray"}


def window_at(landmark: str, size: int) -> float:
    """The paper's window for a landmark, scaled from 512 pixels to ``size``."""
    if landmark not in WINDOWS:
        raise ConfigError(f"unknown landmark {landmark!r}; use one of {', '.join(WINDOWS)}")
    return WINDOWS[landmark] * size / WINDOW_SIZE


def stride_for(window: float) -> Stride:
    """The deepest features of which a window of ``window`` pixels holds three a side."""
    return max(stride for stride in STRIDES if stride == 1 or window >= LEAST_FEATURES * stride)


class LocalizeConfig(Run):
    """One landmark, some support images, each against all other images of the set.

    Attributes:
        bank: whose images, see :func:`ldl.data.landmarks.landmark_bank`.
        data: their size; for phantoms also their number (40 if None) and seed.
        window: its side in pixels of these images.
        matcher: pixel embeddings (Eq. 26), the same less their place's mean over the images, raw
            features of the encoder, normalised cross-correlation, or the support's own place
            without a look at the image.
        network: whose embedding or features; None for matchers without one.
        trained: False takes the network as it was before its first step.
        stride: of the raw features.
        sigma: of Eq. 24 in the test stage; None averages evenly over the window.
        supports: how many support images, drawn from ``seed``.
    """

    kind: ClassVar[str] = "localize"
    maker: ClassVar[str] = "ldl.localize.search:make"

    bank: LandmarkSource
    landmark: LandmarkName
    data: DataConfig
    window: float = Field(ge=2)
    matcher: MatcherName = "embedding"
    network: PretrainConfig | None = None
    trained: bool = True
    stride: Literal[1, 2, 4, 8, 16] = 16
    sigma: float | None = Field(default=None, gt=0)
    supports: int = Field(default=10, ge=1)
    seed: int = 0

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.bank == "phantom") != (self.data.source == "phantom"):
            raise ValueError(f"bank {self.bank!r} does not fit data.source {self.data.source!r}")
        if self.window > self.data.size:
            raise ValueError(f"window {self.window:g} must lie within {self.data.size} pixels")
        if (self.matcher in WITH_NETWORK) != (self.network is not None):
            raise ValueError(f"a network belongs to embeddings and features, not {self.matcher!r}")
        if self.network and self.network.modality != self.modality:
            raise ValueError(
                f"network ({self.network.modality}) does not fit {self.landmark} ({self.modality})"
            )
        return self

    @property
    def trains(self) -> bool:
        return False

    def needs(self) -> tuple[Run, ...]:
        """The network's pretraining, unless it is taken as it was before its first step."""
        return (self.encoder,) if self.encoder else ()

    @property
    def repeat(self) -> int | None:
        """The network's seed; ``seed`` draws the supports, the same for all."""
        return self.network.seed if self.network else None

    @property
    def modality(self) -> Modality:
        """Of the images in which the landmark lies."""
        return LANDMARK_MODALITY[self.landmark]

    @property
    def encoder(self) -> PretrainConfig | None:
        """The pretraining that must be finished first."""
        return self.network if self.trained else None

    @property
    def method(self) -> str:
        """What is compared, for run ids."""
        start = "" if self.matcher == "embedding" else f"{self.matcher}-"
        trained = "" if self.trained else "untrained-"
        name = self.network.method.replace("+", "-") if self.network else ""
        return f"{start}{trained}{name}".rstrip("-")

    def home(self) -> str:
        """All landmarks of a modality without a network are one job."""
        return f"localize-{self.method}-{self.modality}-{self.data.source}-{self.data.size}"

    def slug(self) -> str:
        seed = self.network.seed if self.network else self.seed
        place = f"{self.bank}-{self.landmark}"
        return f"localize-{self.method}-{place}-n{self.supports}-s{seed}"
