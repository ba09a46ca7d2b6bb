"""Whether a comparison method learns anything: a nearest-neighbour probe against its own start.

    python -m benchmarks.probe_methods
    python -m benchmarks.probe_methods --methods moco,simclr --seeds 3 --steps 300

Which of sixteen eyes is this? Two views of each of 320 phantoms that no training has seen (crops,
flips and colours of Wu et al. 2018); an eye is found where its other view is the nearest, by the
frozen encoder's pooled features. Chance finds one in sixteen.
"""

import argparse
import math
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ldl.config import ComparisonConfig
from ldl.data import phantoms
from ldl.data.grades import grades
from ldl.data.recipes import INSTANCE, draw_view
from ldl.data.sources import pretraining_bank
from ldl.experiments.plan import Variant, comparison_config
from ldl.experiments.profiles import PROFILES
from ldl.methods import COMPARISONS
from ldl.models.backbones import pooled
from ldl.rng import generator, seed_everything
from ldl.sphere import unit
from ldl.train.comparison import pretrain_comparison
from ldl.train.device import fabric_for
from ldl.train.pretrain import held_out_rows

PROFILE = PROFILES["demo"]
EYES, AMONG, UNSEEN = 320, 16, 99
ON_VIT = ("mae",)
# Of Student's t with n - 1 degrees of freedom, 95 %.
STUDENT = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776}


@dataclass(frozen=True)
class Result:
    """One seed: the probe before and after, and the loss in the first and last ten steps."""

    before: float
    after: float
    loss_before: float
    loss_after: float


def config_of(method: str, steps: int, seed: int) -> ComparisonConfig:
    """The demo profile's run of a method, with another length."""
    variant = Variant(method)  # type: ignore[arg-type]
    config = comparison_config(variant, "fundus", PROFILE, seed)
    length = {"steps": steps, "halve_every": 2 * steps}
    kind = {"backbone": "vit"} if method in ON_VIT else {}
    return config.model_copy(update={**length, **kind})


def two_views(eyes: int = EYES) -> tuple[Tensor, Tensor]:
    """Both views of every unseen eye, the same for all methods: (eyes, 3, S, S) each."""
    size = PROFILE.pretraining.size
    images = phantoms.pretraining_images("fundus", count=eyes, size=size, seed=UNSEEN)
    draw = generator(0, "probe_methods")
    pixels = torch.from_numpy(images)
    first, second = (draw_view(pixels, PROFILE.crop, INSTANCE, draw).image for _ in range(2))
    return first, second


@torch.no_grad()
def recognised(encoder: nn.Module, views: tuple[Tensor, Tensor]) -> float:
    """Share of eyes found among sixteen, in the mean over all choices of the fifteen others."""
    encoder.eval()
    vectors = [torch.cat([pooled(encoder(p)) for p in view.split(80)]).double() for view in views]
    first, second = (unit(each - each.mean(dim=0)) for each in vectors)
    return float(among(second @ first.T).mean())


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


def probe(method: str, steps: int, seed: int, views: tuple[Tensor, Tensor]) -> Result:
    """Train one seed of a method and probe its encoder before and after."""
    config = config_of(method, steps, seed)
    bank = pretraining_bank(config.data, "fundus")
    seed_everything(seed, "initialise", method)
    start = COMPARISONS[method].network(config, len(held_out_rows(len(bank.ids))[0]))
    before = recognised(start.encoder, views)  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory() as folder:
        done = pretrain_comparison(
            config,
            bank,
            folder=Path(folder),
            fabric=fabric_for("cpu"),
            labels=grades(config.data, bank) if COMPARISONS[method].labels else None,
        )
    totals = [sum(row) for row in done.history.rows]
    after = recognised(done.net.encoder, views)  # type: ignore[arg-type]
    return Result(before, after, float(np.mean(totals[:10])), float(np.mean(totals[-10:])))


def interval(values: list[float]) -> tuple[float, float]:
    """95 % by Student's t over seeds."""
    half = STUDENT[len(values)] * float(np.std(values, ddof=1)) / math.sqrt(len(values))
    return float(np.mean(values)) - half, float(np.mean(values)) + half


def row(method: str, results: list[Result]) -> str:
    """One line of the table."""
    before, after, first, last = (
        float(np.mean([getattr(each, name) for each in results]))
        for name in ("before", "after", "loss_before", "loss_after")
    )
    gains = [each.after - each.before for each in results]
    low, high = interval(gains) if len(gains) in STUDENT else (math.nan, math.nan)
    beats = "yes" if low > 0 else "no"
    return (
        f"| {method} | {before:.3f} | {after:.3f} | {np.mean(gains):+.3f} "
        f"| {low:+.3f} to {high:+.3f} | {beats} | {first:.2f} | {last:.2f} |"
    )


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    trained = [name for name, each in COMPARISONS.items() if each.trains]
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--methods", default=",".join(trained))
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    views = two_views()
    print("| method | random | trained | gain | 95 % over seeds | beats | loss, first | last |")
    print("|---|---|---|---|---|---|---|---|")
    for method in options.methods.split(","):
        results = [probe(method, options.steps, seed, views) for seed in range(options.seeds)]
        print(row(method, results), flush=True)


if __name__ == "__main__":
    main()
