"""Make a run: what it needs first, then the run itself, then its record."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from lightning_fabric import Fabric
from torch import Tensor

from ldl.config import ComparisonConfig, EncoderConfig, PretrainConfig, TransferConfig
from ldl.config_ct import GlobalConfig
from ldl.config_localize import LocalizeConfig
from ldl.config_lrc import LocalRegionConfig, OrganConfig
from ldl.config_shape import GuideConfig, ShapeConfig
from ldl.data.grades import grades
from ldl.data.sources import pretraining_bank, task_bank
from ldl.errors import TrainingError
from ldl.experiments import localizing
from ldl.experiments.dependencies import modules_of
from ldl.experiments.fingerprint import code_fingerprint
from ldl.experiments.lrc import making
from ldl.experiments.provenance import provenance
from ldl.experiments.shape import guiding, runs, scoring
from ldl.experiments.store import SCHEMA, Record, Run, RunStore, is_fresh, phantom_fingerprint
from ldl.methods import COMPARISONS, METHODS
from ldl.train import checkpoint
from ldl.train.comparison import LEAST_SPREAD, Compared, pretrain_comparison
from ldl.train.device import fabric_for
from ldl.train.loop import History
from ldl.train.pretrain import pretrain
from ldl.train.probe import LARGEST_LATE_GAIN, LEAST_RETRIEVAL, late_gain
from ldl.train.transfer import transfer

CURVE_POINTS = 100


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
        record = _MAKE[type(run)](run, store, fabric, device, progress)
        store.save(run, record)
        for leftover in folder.glob("**/checkpoint.safetensors"):
            leftover.unlink()
        return record


def _finished(run: Run, store: RunStore, weights: bool) -> Record | None:
    record = store.record(run)
    if record is None or not is_fresh(record, run):
        return None
    # What trains nothing leaves nothing but its record.
    without = isinstance(run, LocalizeConfig) or (isinstance(run, ShapeConfig) and not run.trains)
    return record if not weights or without or store.weights(run).exists() else None


def _drop_outdated(folder: Path, run: Run) -> None:
    """A checkpoint of other code would mix two programs in one run; it is started anew."""
    for path in folder.glob("**/checkpoint.safetensors"):
        try:
            _, header = checkpoint.load(path)
        except TrainingError:
            header = {}
        if header.get("identity", {}).get("code") != code_fingerprint(run):
            shutil.rmtree(path.parent) if path.parent != folder else path.unlink()


def _identity(run: Run, data: str) -> dict[str, Any]:
    return {"code": code_fingerprint(run), "data": data}


def _header(run: Run, fabric: Fabric, data: dict[str, Any], seconds: float) -> Record:
    return {
        "schema": SCHEMA,
        "run_id": run.run_id(),
        "kind": run.run_id().split("-")[0],
        "config": run.model_dump(mode="json"),
        "code": code_fingerprint(run),
        "phantoms": phantom_fingerprint(run),
        "data": data,
        "provenance": provenance(fabric, modules_of(run)),
        "wall_seconds": round(seconds, 2),
    }


def binned(values: np.ndarray) -> list[float]:
    """Means of at most 100 bins, in the order of the steps."""
    parts = np.array_split(values, min(CURVE_POINTS, len(values))) if len(values) else []
    return [round(float(part.mean()), 5) for part in parts]


def curves(history: History) -> dict[str, list[float]]:
    """Loss curves as means of at most 100 bins, by name, with the steps at the bins' ends."""
    rows = np.asarray(history.rows)
    parts = np.array_split(rows, min(CURVE_POINTS, len(rows)))
    ends = np.cumsum([len(part) for part in parts])
    means = np.stack([part.mean(axis=0) for part in parts])
    named = {
        name: [round(float(v), 5) for v in means[:, k]] for k, name in enumerate(history.names)
    }
    return {"step": [int(end) for end in ends], **named}


def _pretrain(
    run: PretrainConfig, store: RunStore, fabric: Fabric, device: str, progress: bool
) -> Record:
    start = _before(run.step1, store, device, progress)
    bank = pretraining_bank(run.data, run.modality)
    done = pretrain(
        run,
        bank,
        folder=store.folder(run),
        fabric=fabric,
        start=start,
        identity=_identity(run, bank.fingerprint),
        progress=progress,
    )
    checkpoint.save(store.weights(run), done.net.state_dict(), {"run_id": run.run_id()})
    totals = [sum(row) for row in done.history.rows]
    gain = late_gain(totals)
    data = {"name": bank.name, "fingerprint": bank.fingerprint, "images": len(bank.ids)}
    return {
        **_header(run, fabric, data, done.history.seconds),
        "title": METHODS[run.method].title,
        "losses": curves(done.history),
        "retrieval": round(done.retrieval, 5),
        "retrieval_before": round(done.retrieval_before, 5),
        "retrieval_among": 2 * run.groups * run.patch_grid**2,
        "late_gain": round(gain, 5),
        "trained": bool(done.retrieval >= LEAST_RETRIEVAL and gain <= LARGEST_LATE_GAIN),
    }


def _compare(
    run: ComparisonConfig, store: RunStore, fabric: Fabric, device: str, progress: bool
) -> Record:
    bank = pretraining_bank(run.data, run.modality)
    method = COMPARISONS[run.method]
    done = pretrain_comparison(
        run,
        bank,
        folder=store.folder(run),
        fabric=fabric,
        labels=grades(run.data, bank) if method.labels else None,
        identity=_identity(run, bank.fingerprint),
        progress=progress,
    )
    # Heads, queues and teachers have done their work; the encoder is what transfers.
    encoder = checkpoint.prefixed("encoder", done.net.encoder.state_dict())  # type: ignore[union-attr]
    checkpoint.save(store.weights(run), encoder, {"run_id": run.run_id()})
    data = {"name": bank.name, "fingerprint": bank.fingerprint, "images": len(bank.ids)}
    return {**_header(run, fabric, data, done.history.seconds), **_compared(run, done)}


def _curves(history: History) -> dict[str, list[Any]]:
    return curves(history) if history.rows else {"step": []}


def _compared(run: ComparisonConfig, done: Compared) -> Record:
    """What a record says of a comparison method's training."""
    method = COMPARISONS[run.method]
    totals = [sum(row) for row in done.history.rows]
    gain = late_gain(totals) if totals else 0.0
    spread = done.spread[-1] if done.spread else 1.0
    return {
        "title": method.title,
        "images_seen": run.steps * run.batch if method.trains else 0,
        "losses": _curves(done.history),
        "spread": binned(np.asarray(done.spread)),
        "retrieval": round(done.retrieval, 5),
        "retrieval_before": round(done.retrieval_before, 5),
        "retrieval_among": done.among,
        "late_gain": round(gain, 5),
        "trained": bool(spread >= LEAST_SPREAD and gain <= LARGEST_LATE_GAIN),
    }


def _before(
    run: Run | None, store: RunStore, device: str, progress: bool
) -> dict[str, Tensor] | None:
    """The weights of a run that another one needs."""
    if run is None:
        return None
    ensure(run, store, device=device, progress=progress, weights=True)
    return checkpoint.load(store.weights(run))[0]


def encoder_weights(run: EncoderConfig, store: RunStore) -> dict[str, Tensor]:
    """The encoder's part of a finished pretraining."""
    return checkpoint.under("encoder", checkpoint.load(store.weights(run))[0])


def _transfer(
    run: TransferConfig, store: RunStore, fabric: Fabric, device: str, progress: bool
) -> Record:
    encoder = None
    if run.encoder:
        ensure(run.encoder, store, device=device, progress=progress, weights=True)
        encoder = encoder_weights(run.encoder, store)
    bank = task_bank(run.data, run.task)
    done = transfer(
        run,
        bank,
        folder=store.folder(run),
        fabric=fabric,
        encoder=encoder,
        identity=_identity(run, bank.fingerprint),
        progress=progress,
    )
    checkpoint.save(store.weights(run), done.net.state_dict(), {"run_id": run.run_id()})
    counts = {split: bank.splits.count(split) for split in ("train", "validation", "test")}
    data = {"name": bank.name, "fingerprint": bank.fingerprint, **counts}
    seconds = sum(history.seconds for history in done.histories.values())
    return {
        **_header(run, fabric, data, seconds),
        "losses": {name: curves(history) for name, history in done.histories.items()},
        "updates": sum(len(history.rows) for history in done.histories.values()),
        "validation_loss": {name: round(v, 6) for name, v in done.validation.items()},
        "test_ids": done.test_ids,
        "dsc": [round(float(score), 6) for score in done.scores],
    }


def _made(run: Run, made: making.Made, store: RunStore, fabric: Fabric) -> Record:
    """Keep the weights of a run of LRC; its record."""
    checkpoint.save(store.weights(run), made.weights, {"run_id": run.run_id()})
    record = _header(run, fabric, made.data, made.history.seconds)
    return {**record, "losses": _curves(made.history), **made.fields}


def _how(run: Run, store: RunStore, fabric: Fabric, progress: bool) -> making.How:
    return making.How(store.folder(run), fabric, lambda data: _identity(run, data), progress)


def _global(
    run: GlobalConfig, store: RunStore, fabric: Fabric, device: str, progress: bool
) -> Record:
    made, done = making.make_global(run, _how(run, store, fabric, progress))
    return {**_made(run, made, store, fabric), **_compared(run, done)}


def _local(
    run: LocalRegionConfig, store: RunStore, fabric: Fabric, device: str, progress: bool
) -> Record:
    made = making.make_local(run, _how(run, store, fabric, progress))
    return _made(run, made, store, fabric)


def _organs(
    run: OrganConfig, store: RunStore, fabric: Fabric, device: str, progress: bool
) -> Record:
    encoder = _before(run.encoder, store, device, progress)
    local = _before(run.local or run.second, store, device, progress)
    how = _how(run, store, fabric, progress)
    return _made(run, making.make_organs(run, encoder, local, how), store, fabric)


def _localize(
    run: LocalizeConfig, store: RunStore, fabric: Fabric, device: str, progress: bool
) -> Record:
    weights = _before(run.encoder, store, device, progress)
    start = time.monotonic()
    found = localizing.search(run, weights, fabric.device, progress=progress)
    seconds = time.monotonic() - start
    bank = found.bank
    data = {"name": bank.name, "fingerprint": bank.fingerprint, "images": len(bank.ids)}
    return {**_header(run, fabric, data, seconds), **localizing.fields(found)}


def _guide(
    run: GuideConfig, store: RunStore, fabric: Fabric, device: str, progress: bool
) -> Record:
    start = _before(run.step1, store, device, progress)
    bank = pretraining_bank(run.data, run.region.modality)
    done = guiding.train(
        run,
        bank,
        start,
        folder=store.folder(run),
        fabric=fabric,
        identity=_identity(run, bank.fingerprint),
        progress=progress,
    )
    checkpoint.save(store.weights(run), done.net.state_dict(), {"run_id": run.run_id()})
    data = {"name": bank.name, "fingerprint": bank.fingerprint, "images": len(bank.ids)}
    return {
        **_header(run, fabric, data, done.history.seconds),
        "losses": curves(done.history),
        **guiding.fields(run, done, bank),
    }


def _shape(
    run: ShapeConfig, store: RunStore, fabric: Fabric, device: str, progress: bool
) -> Record:
    weights = _before(run.guide, store, device, progress)
    made = runs.make(
        run,
        weights,
        folder=store.folder(run),
        fabric=fabric,
        identity=_identity(run, ""),
        progress=progress,
    )
    if made.weights:
        checkpoint.save(store.weights(run), made.weights, {"run_id": run.run_id()})
    scores = scoring.scores(made.predict, run, fabric.device)
    return {
        **_header(run, fabric, scoring.data_fields(scores), made.seconds),
        "losses": {name: curves(history) for name, history in made.histories.items()},
        **made.extra,
        **scores,
    }


_MAKE: dict[type, Callable[..., Record]] = {
    PretrainConfig: _pretrain,
    ComparisonConfig: _compare,
    GlobalConfig: _global,
    LocalRegionConfig: _local,
    OrganConfig: _organs,
    TransferConfig: _transfer,
    LocalizeConfig: _localize,
    GuideConfig: _guide,
    ShapeConfig: _shape,
}
