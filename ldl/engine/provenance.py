"""On what, with what and when a record was made."""

import platform
import subprocess
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

import ldl
from ldl import paths
from ldl.train.device import Fabric, device_name

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
