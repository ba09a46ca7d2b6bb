"""The training loop: every training of the project goes through :func:`fit`."""

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Generator, Tensor, nn
from tqdm.auto import tqdm

from ldl.compat import import_lightly
from ldl.errors import ConfigError, TrainingError
from ldl.ranks import ranks
from ldl.runs.pretrain import ComparisonConfig, OptimizerName, ScheduleName
from ldl.train import checkpoint
from ldl.train.device import Fabric

# A kill loses at most this much work.
SECONDS_BETWEEN_CHECKPOINTS = 20.0
# Reading a loss back stalls an accelerator's queue; on the CPU it is free.
STEPS_BETWEEN_READS = {"cpu": 1, "cuda": 20}
# A bar or none; or what is told title, step, steps and losses as they are read. What it raises ends
# the training, and the same call goes on later.
Progress = bool | Callable[[str, int, int, dict[str, float]], object]


@dataclass(frozen=True)
class Plan:
    """How long, how fast, and by which optimizer.

    Attributes:
        steps: updates.
        learning_rate: the highest.
        halve_every: under schedule "halving" the rate is halved every so many steps; 0: never.
        optimizer: "adam", or "sgd" or "lars" (You et al. 2017) with ``momentum``. Weight decay
            comes with the stage's parameter groups.
        schedule: "halving", or "cosine" from the highest rate down to 0 at the end.
        warmup: steps in which the rate rises in equal parts to the highest; the cosine follows.
        momentum: of sgd and lars.
    """

    steps: int
    learning_rate: float
    halve_every: int = 0
    optimizer: OptimizerName = "adam"
    schedule: ScheduleName = "halving"
    warmup: int = 0
    momentum: float = 0.9

    @classmethod
    def of(cls, config: ComparisonConfig) -> "Plan":
        return cls(
            config.steps,
            config.learning_rate,
            config.halve_every,
            config.optimizer,
            config.schedule,
            config.warmup,
        )

    def rate(self, step: int) -> float:
        """Learning rate of a step, counted from 0."""
        if step < self.warmup:
            return self.learning_rate * (step + 1) / self.warmup
        if self.schedule == "cosine":
            share = (step - self.warmup) / max(self.steps - self.warmup, 1)
            return self.learning_rate * (1 + math.cos(math.pi * share)) / 2
        halvings = step // self.halve_every if self.halve_every else 0
        return float(self.learning_rate * 0.5**halvings)

    def build(self, parameters: Iterable[Any]) -> torch.optim.Optimizer:
        """The optimizer of these parameters or parameter groups."""
        if self.optimizer == "adam":
            # Fused: one pass over all parameters; a small network spends a tenth of a step less.
            return torch.optim.Adam(parameters, lr=self.learning_rate, fused=True)
        kind = torch.optim.SGD if self.optimizer == "sgd" else import_lightly("utils.lars").LARS
        built: torch.optim.Optimizer = kind(
            parameters, lr=self.learning_rate, momentum=self.momentum
        )
        return built


class EpochSampler:
    """Draws batches of row numbers; every row comes once an epoch.

    Args:
        rows: the row numbers to draw from.
        batch: how many a draw gives.
        generator: shuffles, on the CPU.
        whole: True gives a last, smaller batch; False draws on into the next epoch's shuffle.
    """

    def __init__(self, rows: list[int], batch: int, generator: Generator, whole: bool) -> None:
        self.rows = torch.tensor(rows)
        self.batch, self.generator, self.whole = batch, generator, whole
        self.order = torch.empty(0, dtype=torch.int64)

    def draw(self) -> Tensor:
        """Row numbers, (batch,) int64."""
        while len(self.order) < (1 if self.whole else self.batch):
            shuffled = self.rows[torch.randperm(len(self.rows), generator=self.generator)]
            self.order = torch.cat([self.order, shuffled])
        taken, self.order = self.order[: self.batch], self.order[self.batch :]
        return taken


class EpochStage:
    """What :func:`fit` trains, with its network, batches and all its randomness.

    A subclass adds ``losses`` and what else it needs to go on after an interruption.

    Args:
        net: all of it is trained and checkpointed.
        rows, batch, whole: of the sampler.
        generator: of everything that the stage draws, on the CPU.
    """

    weight_decay = 0.0
    on_ranks = False  # whether it can be trained in parts, see `ldl.ranks`

    def __init__(
        self, net: nn.Module, rows: list[int], batch: int, generator: Generator, whole: bool = False
    ) -> None:
        self.net, self.generator = net, generator
        self.sampler = EpochSampler(rows, batch, generator, whole)

    def trainable(self) -> Iterable[Any]:
        """What takes a gradient, as one group for the optimizer."""
        moved = [each for each in self.net.parameters() if each.requires_grad]
        return [{"params": moved, "weight_decay": self.weight_decay}]

    def losses(self, model: nn.Module) -> dict[str, Tensor]:
        """Draw a batch, run ``model`` (``net`` as the device wants it), return named losses."""
        raise NotImplementedError

    def after_step(self, model: nn.Module, step: int) -> None:
        """Called after each update with the number of updates done."""

    def state(self) -> dict[str, Tensor]:
        """What the stage needs to go on, beside network and generator."""
        return {"order": self.sampler.order}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Put :meth:`state` back."""
        self.sampler.order = state["order"]


class BestStage(EpochStage):
    """A stage that is looked at now and then, and keeps the weights of its best look."""

    def keep(self) -> None:
        self.best = {name: value.clone() for name, value in self.net.state_dict().items()}

    def state(self) -> dict[str, Tensor]:
        return {**super().state(), **checkpoint.prefixed("best", self.best)}

    def restore(self, state: dict[str, Tensor]) -> None:
        super().restore(state)
        self.best = checkpoint.under("best", state)


@dataclass
class History:
    """Loss values, one row a step, and the seconds they took, interruptions left out."""

    names: list[str] = field(default_factory=list)
    rows: list[list[float]] = field(default_factory=list)
    seconds: float = 0.0


def fit(
    stage: EpochStage,
    plan: Plan,
    *,
    folder: Path,
    identity: dict[str, Any],
    fabric: Fabric,
    title: str = "",
    progress: Progress = False,
) -> History:
    """Train ``stage`` for ``plan.steps``, going on from ``folder``'s checkpoint if there is one.

    On the CPU a resumed run ends with the same bits as an uninterrupted one.

    Args:
        folder: where ``checkpoint.safetensors`` lives.
        identity: JSON fields; a checkpoint made under others is refused.
    """
    return _Run(stage, plan, folder, identity, fabric).go(title, progress)


class _Run:
    def __init__(
        self, stage: EpochStage, plan: Plan, folder: Path, identity: dict[str, Any], fabric: Fabric
    ) -> None:
        if ranks() > 1 and not stage.on_ranks:
            raise ConfigError("this kind of training has one device; start it without torchrun")
        self.stage, self.plan, self.identity = stage, plan, identity
        self.path = folder / "checkpoint.safetensors"
        self.bare = plan.build(stage.trainable())
        self.history, self.pending, self.step = History(), list[Tensor](), 0
        self.clock = time.monotonic()
        # Fabric hands the optimizer's state the device; so it sets up before a resume fills it.
        self.model, self.optimizer = fabric.setup(stage.net, self.bare)
        self.fabric = fabric
        self.read_every = STEPS_BETWEEN_READS.get(fabric.device.type, 1)
        if self.path.exists():
            self._resume()

    def go(self, title: str, progress: Progress) -> History:
        saved = self.clock = time.monotonic()
        bar = tqdm(
            total=self.plan.steps,
            initial=self.step,
            desc=title,
            disable=progress is not True,
            leave=False,
        )
        while self.step < self.plan.steps:
            self._update()
            bar.update()
            if self.step % self.read_every == 0 or self.step == self.plan.steps:
                self._read()
                latest = dict(zip(self.history.names, self.history.rows[-1], strict=True))
                bar.set_postfix({k: f"{v:.3f}" for k, v in latest.items()}, refresh=False)
                if callable(progress):
                    progress(title, self.step, self.plan.steps, latest)
            if time.monotonic() - saved > SECONDS_BETWEEN_CHECKPOINTS:
                self._read()
                self._save()
                saved = self.clock = time.monotonic()
        bar.close()
        self._save()
        return self.history

    def _update(self) -> None:
        for group in self.bare.param_groups:
            group["lr"] = self.plan.rate(self.step)
        losses = self.stage.losses(self.model)
        self.optimizer.zero_grad()
        self.fabric.backward(torch.stack(list(losses.values())).sum())
        self.optimizer.step()
        self.history.names = list(losses)
        self.pending.append(torch.stack([value.detach() for value in losses.values()]))
        self.step += 1
        self.stage.after_step(self.model, self.step)

    def _read(self) -> None:
        if not self.pending:
            return
        rows = torch.stack(self.pending).float().cpu()
        self.pending.clear()
        bad = (~rows.isfinite()).nonzero()
        if len(bad):
            row, column = bad[0].tolist()
            step = self.step - len(rows) + row + 1
            raise TrainingError(
                f"step {step}: loss {self.history.names[column]!r} is {rows[row, column].item()}; "
                "lower the learning rate, or look at the images of that batch"
            )
        self.history.rows.extend(rows.tolist())

    def _save(self) -> None:
        now = time.monotonic()
        self.history.seconds += now - self.clock
        self.clock = now
        rows = torch.tensor(self.history.rows, dtype=torch.float64)
        tensors = {
            **checkpoint.prefixed("net", self.stage.net.state_dict()),
            **checkpoint.prefixed("optimizer", checkpoint.optimizer_tensors(self.bare)),
            **checkpoint.prefixed("stage", self.stage.state()),
            "generator": self.stage.generator.get_state(),
            "torch_generator": torch.get_rng_state(),
            "history": rows,
        }
        header = {
            "step": self.step,
            "names": self.history.names,
            "seconds": self.history.seconds,
            "identity": self.identity,
        }
        if self.fabric.is_global_zero:
            checkpoint.save(self.path, tensors, header)

    def _resume(self) -> None:
        tensors, header = checkpoint.load(self.path)
        changed = checkpoint.differing_field(header["identity"], self.identity)
        if changed:
            raise TrainingError(
                f"{self.path}: made under another config: {changed}; "
                "restore that field, or delete the file to start anew"
            )
        self.stage.net.load_state_dict(checkpoint.under("net", tensors))
        checkpoint.restore_optimizer(self.bare, checkpoint.under("optimizer", tensors))
        self.stage.restore(checkpoint.under("stage", tensors))
        self.stage.generator.set_state(tensors["generator"])
        torch.set_rng_state(tensors["torch_generator"])
        self.history = History(header["names"], tensors["history"].tolist(), header["seconds"])
        self.step = int(header["step"])
