"""What the tables of LRC may cost under a profile."""

from typing import Any, Literal

from pydantic import Field

from ldl.config import Strict
from ldl.runs.lrc import DrawName, LossName, PartName, RegionName, SourceName
from ldl.runs.pretrain import OptimizerName, ScheduleName

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
        more: regions whose labelled sets, their part for training, encoders see as well.
        sets: the labelled set of each region.
        budgets: |X_T|, the smaller and the larger number of labelled volumes; where the larger is
            what there is, it stands here.
        volumes: at most so many of a set; a region that is not named takes all.
        phantom_slices: of a phantom volume.
        size: side of a slice in pixels.
        base, local_base: widths of E_g + D_g and of E_l + D_l; 64 is the paper's.
        spacing: voxel size (z, y, x) in mm; None: the region's whole field in ``size`` pixels.
        features: D.
        whole_steps, local_steps, tune_steps: of the global and the local pretraining, and of
            fine-tuning.
        validated, tested: at most so many volumes of each part for validation and test.
        part: volumes that encoders see of the set they are pretrained on.
        optimizer, schedule: of the global pretraining.
        warm: share of a global pretraining's and of a fine-tuning's steps in which the rate rises.
        knobs: method -> hyperparameters of its own that take the place of its defaults.
        elastic: positives of contrasted views by elastic transforms, as in the paper; else by each
            method's own views.
        local: further fields of `LocalRegionConfig`, such as the superpixels.
        loss, draw, tune_schedule: of fine-tuning, see `OrganConfig`.
        imagenet: torchvision's weights, a supervised stand-in on fundus phantoms, or no such row
            ("absent": the weights fit the published width only).
        seeds: of the rows beside a random encoder in a region with the smaller budget, where they
            are more than the profile's.
        samples: N of Table 3, None for all pixels of a region.
        rows: the kinds of global pretraining that are run; None takes all of the paper's.
    """

    pretraining: SourceName = "phantom"
    more: tuple[RegionName, ...] = ()
    sets: dict[RegionName, SourceName] = _PHANTOMS
    budgets: dict[RegionName, Budgets] = _FEW
    volumes: dict[RegionName, int] = Field(default_factory=dict)
    phantom_slices: int = 24
    size: int
    spacing: tuple[float, float, float] | None = None
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
    validated: int | None = None
    tested: int | None = None
    part: PartName = "train"
    optimizer: OptimizerName = "adam"
    schedule: ScheduleName = "halving"
    warm: float = Field(default=0.0, ge=0, le=0.5)
    knobs: dict[str, dict[str, int | float | str]] = Field(default_factory=dict)
    elastic: bool = False
    local: dict[str, Any] = Field(default_factory=dict)
    loss: LossName = "dice+wce"
    draw: DrawName = "organs"
    tune_schedule: ScheduleName = "cosine"
    imagenet: Literal["weights", "stand-in", "absent"] = "stand-in"
    seeds: dict[RegionName, tuple[int, ...]] = Field(default_factory=dict)
    samples: tuple[int | None, ...] = (1, 10, 50, 100, 200, None)
    rows: tuple[str, ...] | None = None

    @property
    def split(self) -> Budgets:
        """The budgets that the parts of a real set are made for, 10 and 60 in the paper."""
        return (10, 60) if self.pretraining != "phantom" else self.budgets["abdomen"]
