"""What the tables of LRC may cost under a profile."""

from typing import Literal

from pydantic import Field

from ldl.config import Strict
from ldl.runs.lrc import RegionName, SourceName

Budgets = tuple[int, int]
_PHANTOMS: dict[RegionName, SourceName] = {
    "abdomen": "phantom",
    "thorax": "phantom",
    "head_neck": "phantom",
}
_FEW: dict[RegionName, Budgets] = {"abdomen": (2, 4), "thorax": (2, 4), "head_neck": (2, 4)}


class LrcBudget(Strict):
    """Data, sizes and lengths of LRC's runs. Lengths are in optimiser steps.

    As in the paper one pretraining, on the abdomen, serves all three regions.

    Attributes:
        pretraining: the set that encoders see.
        sets: the labelled set of each region.
        budgets: |X_T|, the smaller and the larger number of labelled volumes; where the larger is
            what there is, it stands here.
        volumes: at most so many of a set; a region that is not named takes all.
        phantom_slices: of a phantom volume.
        size: side of a slice in pixels.
        base, local_base: widths of E_g + D_g and of E_l + D_l; 64 is the paper's.
        features: D.
        whole_steps, local_steps, tune_steps: of the global and the local pretraining, and of
            fine-tuning.
        tested: at most so many volumes of each test part.
        imagenet: torchvision's weights, a supervised stand-in on fundus phantoms, or no such row
            ("absent": the weights fit the published width only).
        samples: N of Table 3, None for all pixels of a region.
        rows: the kinds of global pretraining that are run; None takes all of the paper's.
    """

    pretraining: SourceName = "phantom"
    sets: dict[RegionName, SourceName] = _PHANTOMS
    budgets: dict[RegionName, Budgets] = _FEW
    volumes: dict[RegionName, int] = Field(default_factory=dict)
    phantom_slices: int = 24
    size: int
    base: int
    local_base: int
    features: int = 64
    whole_steps: int
    local_steps: int
    tune_steps: int
    whole_batch: int = 32
    batch: int = 8
    queue: int | None = Field(default=None, description="keys, where the slices are fewer still")
    whole_rate: float = 1e-3
    local_rate: float = 1e-3
    tune_rate: float = 1e-3
    tested: int | None = None
    imagenet: Literal["weights", "stand-in", "absent"] = "stand-in"
    samples: tuple[int | None, ...] = (1, 10, 50, 100, 200, None)
    rows: tuple[str, ...] | None = None

    @property
    def split(self) -> Budgets:
        """The budgets that the parts of a real set are made for, 10 and 60 in the paper."""
        return (10, 60) if self.pretraining != "phantom" else self.budgets["abdomen"]
