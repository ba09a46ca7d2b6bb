"""Checkpoints: one safetensors file, tensors beside a JSON header, written atomically."""

import glob
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, TensorSpec, serialize
from safetensors.torch import load as deserialise
from torch import Tensor

from ldl import paths
from ldl.errors import TrainingError

# What a file of ours says in its header: a training's state, or a finished run's weights.
_HEADERS = ({"step", "names", "seconds", "identity"}, {"run_id"})


def save(path: Path, tensors: dict[str, Tensor], header: dict[str, Any]) -> None:
    """Write ``tensors`` and ``header`` to ``path``: the old file stays until the new one is whole.

    Args:
        path: ends in ``.safetensors``; its folder is made.
        tensors: any device and layout; 0-d allowed.
        header: JSON values; a digest of the tensors is added.
    """
    partial = path.with_suffix(f".partial-{os.getpid()}")
    on_cpu = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    _refuse_lost_weights(on_cpu, header)
    header = {**header, "digest": digest(on_cpu)}
    # Written here and not by safetensors, which knows neither full disks nor names beside UTF-8;
    # its own `torch.save` takes a tenth of a short run's time on hundreds of small tensors.
    raw = serialize(_specified(on_cpu), metadata={"header": json.dumps(header)})
    try:
        with paths.told(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(partial, "wb") as stream:
                stream.write(raw)
                stream.flush()
                os.fsync(stream.fileno())
            partial.replace(path)
    finally:
        for left in path.parent.glob(f"{glob.escape(path.stem)}.partial-*"):
            if left == partial or not _alive(left):  # a killed process left it
                left.unlink(missing_ok=True)


def _specified(tensors: dict[str, Tensor]) -> dict[str, TensorSpec]:
    """Where the bytes of contiguous CPU tensors lie; the tensors must outlive it."""
    return {
        name: TensorSpec(
            dtype=str(value.dtype).removeprefix("torch."),
            shape=list(value.shape),
            data_ptr=value.data_ptr(),
            data_len=value.nbytes,
        )
        for name, value in tensors.items()
    }


def load(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what :func:`save` wrote, on the CPU."""
    try:
        raw = path.read_bytes()
        tensors = deserialise(raw)
        told = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])
        header = json.loads(told.get("__metadata__", {}).get("header", "{}"))
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"{path}: damaged checkpoint ({error}); delete it to start anew") from (
            None
        )
    if not any(required <= set(header) for required in _HEADERS):
        raise TrainingError(f"{path}: not a checkpoint of ldl; delete it to start anew")
    if header.setdefault("digest", found := digest(tensors)) != found:
        raise TrainingError(f"{path}: damaged checkpoint (bits changed); delete it to start anew")
    return tensors, header


def _alive(partial: Path) -> bool:
    """Whether the process that writes this file still runs on this machine."""
    try:
        os.kill(int(partial.suffix.rsplit("-", 1)[-1]), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        pass
    return True


def digest(tensors: dict[str, Tensor]) -> str:
    """sha256 over names, types and bytes, so that a flipped bit does not pass for a weight."""
    total = hashlib.sha256()
    for name, value in sorted(tensors.items()):
        total.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        total.update(value.contiguous().view(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()


def _refuse_lost_weights(tensors: dict[str, Tensor], header: dict[str, Any]) -> None:
    lost = [n for n, t in tensors.items() if n.startswith("net.") and not t.isfinite().all()]
    if lost:
        raise TrainingError(
            f"step {header.get('step')}: weights of {lost[0][4:]} are not finite; "
            "lower the learning rate; the last checkpoint is kept"
        )


def prefixed(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}.{name}": value for name, value in tensors.items()}


def under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The inverse of :func:`prefixed`."""
    start = len(prefix) + 1
    return {name[start:]: t for name, t in tensors.items() if name.startswith(f"{prefix}.")}


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Moments and step counts of an optimizer, named ``<parameter number>.<key>``."""
    state = optimizer.state_dict()["state"]
    return {
        f"{number}.{key}": value for number, part in state.items() for key, value in part.items()
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Put :func:`optimizer_tensors` back, moments in the memory layout of their parameters.

    A fused optimizer reads both as one row of numbers.
    """
    parameters = [one for group in optimizer.param_groups for one in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        number, key = name.split(".", 1)
        like = parameters[int(number)]
        if value.shape == like.shape:
            value = torch.empty_like(like, dtype=value.dtype, device=value.device).copy_(value)
        state.setdefault(int(number), {})[key] = value
    optimizer.load_state_dict(
        {"state": state, "param_groups": optimizer.state_dict()["param_groups"]}
    )


def differing_field(saved: dict[str, Any], given: dict[str, Any], prefix: str = "") -> str | None:
    """The first field whose value differs between two nested dicts, with both values, or None."""
    for name in sorted({*saved, *given}):
        before, now = saved.get(name), given.get(name)
        if isinstance(before, dict) and isinstance(now, dict):
            inner = differing_field(before, now, f"{prefix}{name}.")
            if inner:
                return inner
        elif before != now:
            return f"{prefix}{name} (was {before!r}, now {now!r})"
    return None
