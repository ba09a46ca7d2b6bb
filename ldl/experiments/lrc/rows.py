"""Rows and columns of LRC's tables: what a cell is made of."""

from dataclasses import dataclass
from typing import Literal

from ldl.engine.profiles import Profile
from ldl.runs.lrc import RegionName
from ldl.tables.encoders import Row, Variant
from ldl.tasks import FACTS, REGIONS

# The paper's rows; keys are those of the comparison set.
GLOBAL: dict[str, str] = {
    "random": "Random init",
    "imagenet": "ImageNet",
    "relative-location": "Relative Loc",
    "rotation": "Rotation Pred",
    "moco": "MoCo v1",
    "mocov2": "MoCo v2",
    "byol": "BYOL",
    "densecl": "DenseCL",
    "simsiam": "SimSiam",
    "genesis": "Models Genesis",
    "mae": "MAE",
}
# Table 2's columns, in its order.
CONTROLLED = ("imagenet", "relative-location", "rotation", "mae", "byol", "simsiam")
SAMPLES = 50  # N, the paper's choice in its Table 3
Beside = Literal["alone", "lrc", "moco2", "unet"]


@dataclass(frozen=True)
class Branches(Variant):
    """What a segmentation network is made of.

    Attributes:
        beside: what stands beside E_g: nothing, the branch that LRC pretrained, a second network
            that MoCo pretrained, or the same U-Net as it starts.
        samples: N of the local pretraining; None takes all pixels.
        whole: False leaves the global branch out ("LRC only" of Figure 2).
    """

    beside: Beside = "alone"
    samples: int | None = SAMPLES
    whole: bool = True


@dataclass(frozen=True)
class Column:
    """A region with a number of labelled volumes.

    Attributes:
        published: beginning of the paper's two columns, as in the csv.
        labelled: |X_T| here.
        asked: |X_T| in the paper.
    """

    region: RegionName
    labelled: int
    asked: int
    published: str

    @property
    def key(self) -> str:
        """Its name in ``--only``."""
        return f"{self.region}-{self.asked}"


def columns(profile: Profile) -> tuple[Column, ...]:
    """The six columns of Table 1."""
    return tuple(
        Column(region, ours, asked, f"{FACTS[region].column}_{asked}")
        for region in REGIONS
        for ours, asked in zip(profile.lrc.budgets[region], (10, 60), strict=True)
    )


def row(method: str, beside: Beside, *, samples: int | None = SAMPLES, whole: bool = True) -> Row:
    """One row: ``moco``, ``moco+lrc``, ``moco+lrc/n10``, ``lrc-only`` ..."""
    number = "" if samples == SAMPLES else f"/n{samples or 'all'}"
    key = "lrc-only" if not whole else method if beside == "alone" else f"{method}+{beside}"
    start = "scratch" if method == "random" else method
    variant = Branches(start, beside=beside, samples=samples, whole=whole)  # type: ignore[arg-type]
    return Row(key + number, _label(method, beside, samples, whole), variant, GLOBAL[method])


def _label(method: str, beside: Beside, samples: int | None, whole: bool) -> str:
    number = "" if samples == SAMPLES else f", {f'N = {samples}' if samples else 'all pixels'}"
    if not whole:
        return "LRC alone"
    names = {
        "alone": "",
        "lrc": "LRC",
        "moco2": "a second MoCo",
        "unet": "an untrained U-Net",
    }
    parts = [GLOBAL[method], names[beside]]
    return " + ".join(part for part in parts if part) + number


def methods(profile: Profile) -> tuple[str, ...]:
    """The rows of Table 1 that this profile can have."""
    lrc = profile.lrc
    absent = {"imagenet"} if lrc.imagenet == "absent" else set()
    return tuple(one for one in lrc.rows or GLOBAL if one not in absent)
