"""A run's record: made now, after what it needs, if there is no fresh one."""

import platform
import shutil
import subprocess
from contextlib import nullcontext
from datetime import UTC, datetime
from functools import cache, partial
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock

import ldl
from ldl import paths
from ldl.engine.store import SCHEMA, Record, RunStore, is_fresh
from ldl.errors import TrainingError
from ldl.ranks import agreed, first, launched
from ldl.runs.base import Run
from ldl.train import checkpoint
from ldl.train.device import Fabric, device_name, fabric_for
from ldl.train.loop import Progress
from ldl.train.made import How, Made, Weights


def ensure(
    run: Run,
    store: RunStore,
    *,
    device: str = "auto",
    progress: Progress = False,
    weights: bool = False,
) -> Record:
    """The fresh record of ``run``, made now if it is missing or stale.

    Safe to call from several processes: a lock makes the others wait. Under ``torchrun`` all ranks
    make the run together; the first decides whether there is anything to do, and writes.

    Args:
        weights: also require the weights on this machine.
    """
    fabric = fabric_for(device) if launched() else None
    done = _finished(run, store, weights)
    if agreed(bool(done)):
        return done or _finished(run, store, weights) or {}
    folder = store.folder(run)
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "lock") if first() else nullcontext():
        done = _finished(run, store, weights)
        if agreed(bool(done)):
            return done or _finished(run, store, weights) or {}
        fabric = fabric or fabric_for(device)
        if first():
            _drop_outdated(folder, run)
        agreed(True)  # the others wait for the first
        record = _made(run, store, fabric, device, progress)
        if first():
            store.save(run, record)
            for leftover in folder.glob("**/checkpoint.safetensors"):
                leftover.unlink()
        agreed(True)
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


def _made(run: Run, store: RunStore, fabric: Fabric, device: str, progress: Progress) -> Record:
    """Make ``run`` and keep its weights; its record."""

    def before(needed: Run | None) -> Weights | None:
        if needed is None:
            return None
        ensure(needed, store, device=device, progress=progress, weights=True)
        return checkpoint.load(store.weights(needed))[0]

    how = How(store.folder(run), fabric, partial(_identity, run), before, progress)
    module, name = run.maker.split(":")
    made: Made = getattr(import_module(module), name)(run, how)
    if made.weights and first():
        checkpoint.save(store.weights(run), made.weights, {"run_id": run.run_id()})
    return {
        "schema": SCHEMA,
        "run_id": run.run_id(),
        "kind": run.run_id().split("-")[0],
        "config": run.model_dump(mode="json"),
        "version": run.stamp(),
        "data": made.data,
        "provenance": provenance(fabric),
        "wall_seconds": round(made.seconds, 2),
        **made.fields,
    }


def _identity(run: Run, data: str) -> dict[str, Any]:
    return {"version": run.stamp(), "data": data}


_VERSIONS = (
    "torch",
    "numpy",
    "kornia",
    "lightly",
    "lightning-fabric",
    "scikit-image",
    "safetensors",
    "timm",
)


def provenance(fabric: Fabric) -> dict[str, Any]:
    """Device, threads, versions, commit and date, as JSON values.

    ``modified``: whether the package differs from the commit.
    """
    return {
        "device": device_name(fabric),
        "precision": str(fabric._precision.precision),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "versions": {"ldl": ldl.__version__, **{name: _version(name) for name in _VERSIONS}},
        "commit": commit(),
        "modified": bool(_git("status", "--porcelain", "--", "ldl")),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def commit() -> str:
    """Short hash of the checkout's commit, or ``unknown`` outside a repository."""
    return _git("rev-parse", "--short=10", "HEAD") or "unknown"


@cache
def _git(*words: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(paths.repo_root()), *words],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


@cache
def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"
