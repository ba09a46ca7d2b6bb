"""What every training on one's own images does: say what it costs, train, keep it with a card."""

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm.auto import tqdm

from ldl import paths
from ldl.engine.execute import ensure
from ldl.engine.store import Record, RunStore
from ldl.own import card
from ldl.own.model import Kind, Model, Network, Preprocessing, write_model
from ldl.runs.base import Run
from ldl.train import checkpoint
from ldl.train.device import Fabric, fabric_for
from ldl.train.loop import Progress
from ldl.train.made import How, Weights

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Say = Callable[[str], object]
MEASURED = 4  # steps


def trained(
    runs: Mapping[str, Run],
    cost: Callable[[Sequence[Any], Fabric], str],
    *,
    device: str,
    progress: Progress,
    say: Say,
) -> list[tuple[Record, Weights]]:
    """Record and weights of each run; what is missing is trained, and its cost said before.

    Args:
        runs: by what their bars are called.
        cost: of those that are to be trained, in words.
        device, progress, say: as of `ldl.pretrain`.
    """
    store = RunStore()
    paths.writable(store.work, "LDL_CACHE")
    todo = [one for one in runs.values() if store.status(one) != "fresh"]
    if todo:
        say(cost(todo, fabric_for(device)))
    shown = _Bars({one.run_id(): name for name, one in runs.items()}) if progress is True else None
    found = []
    for one in runs.values():
        ensure(one, store, device=device, progress=shown or progress, weights=True)
        record = store.record(one) or {}  # as it was written, whether now or before
        found.append((record, checkpoint.load(store.weights(one))[0]))
    return found


class _Bars:
    """Bars that are called in plain words, where a run's own has its id."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names, self.title, self.bar = names, "", tqdm(disable=True)

    def __call__(self, title: str, step: int, steps: int, losses: dict[str, float]) -> None:
        """As of `ldl.train.loop.Progress`."""
        if title != self.title:
            run, _, phase = title.partition(" ")
            words = ", ".join(filter(None, (self.names.get(run, "step 1"), phase)))
            self.title = title
            self.bar = tqdm(total=steps, initial=step - 1, desc=words, leave=False)
        self.bar.set_postfix({name: f"{v:.3f}" for name, v in losses.items()}, refresh=False)
        self.bar.update(step - self.bar.n)
        if step == steps:
            self.bar.close()


def seconds_a_step(train: Callable[[int, How], float], fabric: Fabric) -> float:
    """Measured on a few steps after a first one, which is slower; what is trained is thrown away.

    Args:
        train: so many steps somewhere, and the seconds they took.
        fabric: on which device.
    """
    seen: list[float] = []
    with tempfile.TemporaryDirectory() as place:
        how = How(Path(place), fabric, progress=lambda *_: seen.append(time.monotonic()))
        whole = train(1 + MEASURED, how)
    # A GPU tells of its last step alone.
    return (seen[-1] - seen[0]) / (len(seen) - 1) if len(seen) > 1 else whole / (1 + MEASURED)


def cost_line(work: str, seconds: float, where: str) -> str:
    """What some work will take, and how it is made shorter or gone on with."""
    return (
        f"{work} take about {in_words(seconds)} here ({where}, measured); --steps changes it; "
        "stopped, the same command goes on"
    )


def in_words(seconds: float) -> str:
    """A length of time as people say it."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


def kept(
    output: Path,
    kind: Kind,
    run: Run,
    network: Network,
    seen: Preprocessing,
    weights: Weights,
    text: str,
    curves: Mapping[str, Any],
    shown: "Figure",
    classes: tuple[str, ...] = (),
    **facts: Any,
) -> None:
    """Write the model, and beside it its card with the two figures."""
    config = run.model_dump(mode="json")
    model = Model(kind, run.run_id(), config, network, seen, weights, classes, text, facts)
    write_model(output, model)
    card.write(output, text, curves, shown)
