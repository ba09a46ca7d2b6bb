"""Reading a frozen encoder: by nearest neighbours and by ridge regression."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ldl.rng import numpy_generator
from ldl.sphere import unit
from ldl.stats import RESAMPLES

AMONG = 16
PENALTIES = tuple(10.0**power for power in range(-2, 5))
_AT_ONCE = 80


@dataclass(frozen=True)
class Answers:
    """What an encoder missed, image by image.

    Attributes:
        missed: (N,) float64, probability of no find, or squared error.
        total: (N,) float64, what missing everything is: 1, or squared distance from the mean.
    """

    missed: NDArray[np.float64]
    total: NDArray[np.float64]

    @property
    def score(self) -> float:
        """Share found, or share of the variance explained (below 0: worse than the mean)."""
        return float(1 - self.missed.sum() / self.total.sum())


@torch.no_grad()
def deepest(encoder: nn.Module, images: Tensor) -> Tensor:
    """(N, C, H, W) normalised -> the deepest maps in eval mode, (N, K, h, w) float64."""
    encoder.eval()
    return torch.cat([encoder(part)[-1] for part in images.split(_AT_ONCE)]).double()


def among(similarity: Tensor, count: int = AMONG) -> Tensor:
    """(N,) probability that the diagonal is the largest of itself and count - 1 others of its row.

    Args:
        similarity: (N, N).
        count: of candidates, at most N.
    """
    total = len(similarity)
    own = similarity.diag()[:, None]
    # An equal rival is no find: an encoder that says the same of all eyes finds none.
    above = (similarity >= own).double().sum(dim=1) - 1
    chance = torch.ones(total, dtype=torch.float64)
    for drawn in range(count - 1):
        chance *= ((total - 1 - above - drawn) / (total - 1 - drawn)).clamp_min(0)
    return chance


def recognised(first: Tensor, second: Tensor) -> Answers:
    """Whether the nearest of :data:`AMONG` first views is the second view's own, (N, K) each.

    Cosines of features from which the mean over images is taken.
    """
    one, other = (unit(each - each.mean(dim=0)) for each in (first, second))
    found = among(other @ one.T).numpy()
    return Answers(1 - found, np.ones_like(found))


def explained(features: Tensor, wanted: Tensor) -> Answers:
    """Ridge regression, fitted on the first half of the images and tested on the second.

    The penalty is the best of :data:`PENALTIES` on the last quarter of the first half.

    Args:
        features: (N, P, K), P places an image that share one regression.
        wanted: (N, P, T).
    """
    half = len(features) // 2
    kept = half - half // 4
    errors = [
        _squares(features[:kept], wanted[:kept], features[kept:half], wanted[kept:half], each)[0]
        for each in PENALTIES
    ]
    best = PENALTIES[int(np.argmin([error.sum() for error in errors]))]
    return Answers(*_squares(features[:half], wanted[:half], features[half:], wanted[half:], best))


def _squares(
    features: Tensor, wanted: Tensor, new: Tensor, truth: Tensor, penalty: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(M,) squared errors of the fit, and of the mean, on new images."""
    known, answers = features.flatten(0, 1), wanted.flatten(0, 1)
    # A filter that is silent on all but one of the known images would blow up on a new one.
    new = new.clamp(known.amin(dim=0), known.amax(dim=0))
    centre, spread = known.mean(dim=0), known.std(dim=0) + 1e-6
    known, middle = (known - centre) / spread, answers.mean(dim=0)
    gram = known.T @ known + penalty * torch.eye(known.shape[1], dtype=known.dtype)
    weights = torch.linalg.solve(gram, known.T @ (answers - middle))
    off = truth - middle - (new - centre) / spread @ weights
    return off.square().sum((1, 2)).numpy(), (truth - middle).square().sum((1, 2)).numpy()


def gain_interval(before: list[Answers], after: list[Answers]) -> tuple[float, float]:
    """95 % bootstrap interval over images of the mean gain over seeds; equal images in all.

    The regressions stay as they were fitted.
    """
    count = len(before[0].missed)
    draws = numpy_generator(0, "bootstrap").integers(0, count, (RESAMPLES, count))

    def score(each: Answers) -> NDArray[np.float64]:
        share: NDArray[np.float64] = 1 - each.missed[draws].sum(1) / each.total[draws].sum(1)
        return share

    pairs = zip(before, after, strict=True)
    gains = np.mean([score(late) - score(early) for early, late in pairs], axis=0)
    low, high = np.quantile(gains, [0.025, 0.975])
    return float(low), float(high)
