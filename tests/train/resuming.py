"""Runs held against each other bit for bit, one of them killed on the way."""

from dataclasses import fields, is_dataclass

import numpy as np
import pytest
import torch

from ldl.train import checkpoint
from ldl.train.loop import History


class Killed(BaseException):
    pass


def alike(one, other):
    """Equal to the last bit: weights and buffers, numbers, losses; not the seconds."""
    if isinstance(one, torch.nn.Module):
        return alike(one.state_dict(), other.state_dict())
    if isinstance(one, History):
        return (one.names, one.rows) == (other.names, other.rows)
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(alike(one[k], other[k]) for k in one)
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(alike, one, other))
    if is_dataclass(one):
        return all(alike(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
    return one == other


def saved(folder):
    """Tensors and headers of all checkpoints below a folder, less the time it took."""
    found = {}
    for path in sorted(folder.rglob("checkpoint.safetensors")):
        tensors, header = checkpoint.load(path)
        header.pop("seconds")
        found[str(path.relative_to(folder))] = tensors, header
    assert found
    return found


def twice(run, tmp_path, **other):
    """Two equal runs end with equal bits, and one with ``other`` arguments sees other losses."""
    one = run("one")
    torch.rand(5)
    two = run("two")
    assert alike(one, two)
    assert alike(saved(tmp_path / "one"), saved(tmp_path / "two"))
    third = run("other", **other)
    losses = [getattr(done, "history", None) or done.histories for done in (one, third)]
    assert not alike(*losses)


def killed_and_resumed(monkeypatch, stage, run, tmp_path, *kills):
    """A run that was killed before each of some checkpoints ends as one that never was.

    Adam's moments, generators and the sampler's order are in the checkpoints that are compared.

    Args:
        stage: its class.
        run: gives a run's result, from its name.
        kills: steps, in their order; or a step and attributes of the stage that is meant.

    Returns:
        what the resumed run gave, and its checkpoints' tensors by name.
    """
    whole = run("whole")
    after_step = stage.after_step
    for kill in kills:
        number, wanted = kill if isinstance(kill, tuple) else (kill, {})

        def die(self, model, step, number=number, wanted=wanted):
            if step == number and all(getattr(self, k) == v for k, v in wanted.items()):
                raise Killed
            after_step(self, model, step)

        monkeypatch.setattr(stage, "after_step", die)
        torch.rand(number)
        with pytest.raises(Killed):
            run("killed")
        if number > 1:
            steps = [header["step"] for _, header in saved(tmp_path / "killed").values()]
            assert number - 1 in steps
    monkeypatch.setattr(stage, "after_step", after_step)
    rest = run("killed")
    assert alike(rest, whole)
    one, two = saved(tmp_path / "whole"), saved(tmp_path / "killed")
    assert alike(one, two)
    return rest, {name: value for tensors, _ in two.values() for name, value in tensors.items()}
