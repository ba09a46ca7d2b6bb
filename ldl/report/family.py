"""All methods side by side: what each contrasts, what it needs, what was changed for our scale."""

import inspect
from dataclasses import dataclass
from functools import cache
from typing import Any

from ldl.config import DataConfig, build
from ldl.methods import COMPARISONS, METHODS
from ldl.methods.comparison import Comparison
from ldl.models.bank import MemoryBank
from ldl.models.queue import Queue
from ldl.runs.originals import SMALL, small
from ldl.runs.pretrain import ComparisonConfig
from ldl.tables.encoders import config_of

# The smallest networks in which the parts of a method can be counted.
_SMALL = {"modality": "fundus", "base": 2, "steps": 1, "crop": 32, "batch": 4, "halve_every": 1}


@dataclass(frozen=True)
class Member:
    """One method, as its class says.

    Attributes:
        key: its name in commands.
        title, paper, level, idea: see `ldl.methods.comparison.Comparison`.
        labels: whether a step needs labels.
        trains: whether anything is trained here.
        parts: what it has beside the encoder while it is trained.
        file: below the root of the repository.
    """

    key: str
    title: str
    paper: str
    level: str
    idea: str
    labels: bool
    trains: bool
    parts: str
    file: str


@cache
def members() -> tuple[Member, ...]:
    """Every method of both papers, those that are compared with first."""
    return tuple(_member(key) for key in (*COMPARISONS, *METHODS))


def _member(key: str) -> Member:
    method: Any = COMPARISONS.get(key) or METHODS[key]
    idea = method.idea if key in COMPARISONS else said(method).splitlines()[0]
    return Member(
        key=key,
        title=method.title,
        paper=method.paper,
        level=method.level,
        idea=idea,
        labels=getattr(method, "labels", False),
        trains=getattr(method, "trains", True),
        parts=_parts(key),
        file=type(method).__module__.replace(".", "/") + ".py",
    )


def said(method: object) -> str:
    """What the class of a method says about itself, as Markdown."""
    return (inspect.getdoc(type(method)) or "").replace("``", "`")


def _parts(key: str) -> str:
    if key in METHODS:
        return "decoder, clusters" if key == "rd" else "decoder"
    method = COMPARISONS[key]
    if not method.trains:
        return "nothing"
    net = method.network(_smallest(key), 16)
    kinds = {
        "teacher": hasattr(net, "teacher"),
        "predictor": hasattr(net, "predictor"),
        "decoder": hasattr(net, "decoder"),
        "memory of all images": any(isinstance(part, MemoryBank) for part in net.modules()),
    }
    queues = sum(isinstance(part, Queue) for part in net.modules())
    found = [name for name, there in kinds.items() if there]
    found += [["queue", "two queues"][queues - 1]] if queues else []
    return ", ".join(found) or "head"


def _smallest(key: str) -> ComparisonConfig:
    data = DataConfig(source="phantom", size=32)
    backbone = "vit" if key == "mae" else "vgg"
    fields = {**_SMALL, "method": key, "data": data, "backbone": backbone, "knobs": small(key)}
    return build(ComparisonConfig, fields)


@dataclass(frozen=True)
class Change:
    """A hyperparameter that is not the original's.

    Attributes:
        knob: its name in the method's file.
        original: the original's value.
        ours: the value under each profile asked for.
        why: the reason.
    """

    knob: str
    original: str
    ours: tuple[str, ...]
    why: str


def changes(key: str, profiles: tuple[str, ...]) -> list[Change]:
    """What our scale puts in place of the original's hyperparameters, profile by profile."""
    method: Comparison = COMPARISONS[key]
    original = method.Knobs()
    used = [method.knobs(config_of(key, "fundus", name)) for name in profiles]  # type: ignore[arg-type]
    return [
        Change(
            knob,
            _text(getattr(original, knob)),
            tuple(_text(getattr(knobs, knob)) for knobs in used),
            why,
        )
        for knob, (_, why) in SMALL.get(key, {}).items()
    ]


def _text(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
