"""A run's record: made now, after what it needs, if there is no fresh one."""

import shutil
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from filelock import FileLock

from ldl.engine.provenance import provenance
from ldl.engine.store import SCHEMA, Record, RunStore, is_fresh
from ldl.errors import TrainingError
from ldl.runs.base import Run
from ldl.train import checkpoint
from ldl.train.device import Fabric, fabric_for
from ldl.train.made import How, Made, Weights


def ensure(
    run: Run,
    store: RunStore,
    *,
    device: str = "auto",
    progress: bool = False,
    weights: bool = False,
) -> Record:
    """The fresh record of ``run``, made now if it is missing or stale.

    Safe to call from several processes: a lock makes the others wait.

    Args:
        run: what to make.
        store: where records and weights live.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        progress: show progress bars.
        weights: also require the weights on this machine.
    """
    done = _finished(run, store, weights)
    if done:
        return done
    folder = store.folder(run)
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "lock"):
        done = _finished(run, store, weights)
        if done:
            return done
        fabric = fabric_for(device)
        _drop_outdated(folder, run)
        record = _made(run, store, fabric, device, progress)
        store.save(run, record)
        for leftover in folder.glob("**/checkpoint.safetensors"):
            leftover.unlink()
        return record


def _finished(run: Run, store: RunStore, weights: bool) -> Record | None:
    record = store.record(run)
    if record is None or not is_fresh(record, run):
        return None
    return record if not weights or not run.trains or store.weights(run).exists() else None


def _drop_outdated(folder: Path, run: Run) -> None:
    """A checkpoint of another version would mix two programs in one run; it is started anew."""
    for path in folder.glob("**/checkpoint.safetensors"):
        try:
            _, header = checkpoint.load(path)
        except TrainingError:
            header = {}
        if header.get("identity", {}).get("version") != run.stamp():
            shutil.rmtree(path.parent) if path.parent != folder else path.unlink()


def _made(run: Run, store: RunStore, fabric: Fabric, device: str, progress: bool) -> Record:
    """Make ``run`` and keep its weights; its record."""

    def before(needed: Run | None) -> Weights | None:
        if needed is None:
            return None
        ensure(needed, store, device=device, progress=progress, weights=True)
        return checkpoint.load(store.weights(needed))[0]

    how = How(store.folder(run), fabric, partial(_identity, run), before, progress)
    module, name = run.maker.split(":")
    made: Made = getattr(import_module(module), name)(run, how)
    if made.weights:
        checkpoint.save(store.weights(run), made.weights, {"run_id": run.run_id()})
    return {**_header(run, fabric, made), **made.fields}


def _identity(run: Run, data: str) -> dict[str, Any]:
    return {"version": run.stamp(), "data": data}


def _header(run: Run, fabric: Fabric, made: Made) -> Record:
    return {
        "schema": SCHEMA,
        "run_id": run.run_id(),
        "kind": run.run_id().split("-")[0],
        "config": run.model_dump(mode="json"),
        "version": run.stamp(),
        "data": made.data,
        "provenance": provenance(fabric),
        "wall_seconds": round(made.seconds, 2),
    }
