"""Imports that need help: torchvision beside a torch that its compiled part does not fit.

PyPI's torchvision is a CUDA build. Beside a CPU-only torch its library does not load, and the
import stops at two operators that are then missing. Declared without a body they let the rest work:
the transforms and the networks, but not ``nms``, ``deform_conv`` or ``torchvision.io``.
"""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import torch

_SIGNATURE = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
_declared: list[torch.library.Library] = []


def import_torchvision(submodule: str = "") -> ModuleType:
    """``torchvision``, or one of its submodules, whichever build it is.

    Args:
        submodule: e.g. ``"transforms.v2.functional"``.
    """
    name = f"torchvision.{submodule}" if submodule else "torchvision"
    try:
        return importlib.import_module(name)
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
    # Only now: where the real library can be loaded it must be the one that is used.
    library = torch.library.Library("torchvision", "FRAGMENT")
    for operator in ("nms", "qnms"):
        library.define(operator + _SIGNATURE)
    _declared.append(library)
    return importlib.import_module(name)


def import_lightly(submodule: str) -> ModuleType:
    """A submodule of ``lightly``, e.g. ``"models.modules.heads"``; it needs torchvision first."""
    import_torchvision()
    return importlib.import_module(f"lightly.{submodule}")


@contextmanager
def as_if_missing(name: str) -> Iterator[None]:
    """Let what is imported within believe that a package is not there; one that is loaded stays."""
    hidden = name not in sys.modules
    if hidden:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if hidden:
            del sys.modules[name]
