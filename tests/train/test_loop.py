"""The training loop, on a stage of one number."""

import functools
import itertools
import math
import os

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from ldl.compat import import_lightly
from ldl.errors import TrainingError
from ldl.train import checkpoint, loop
from ldl.train.loop import History, Plan, fit


class Killed(BaseException):
    pass


class Number(nn.Module):
    def __init__(self):
        super().__init__()
        self.value = nn.Parameter(torch.tensor([1.0]))

    def forward(self, x):
        return self.value * x


class Stage(loop.EpochStage):
    """Pulls one number towards random targets; ``bad`` gives faults at steps."""

    def __init__(self, bad=None):
        self.net, self.generator = Number(), torch.Generator().manual_seed(5)
        self.bad, self.step, self.after = bad or {}, 0, []

    def trainable(self):
        return self.net.parameters()

    def losses(self, model):
        self.step += 1
        target = torch.rand(1, generator=self.generator)
        error = (model(target) - 2 * target).square().sum()
        return {
            "error": error,
            "size": self.bad.get(self.step, lambda v: 0.01 * v.sum())(self.net.value),
        }

    def after_step(self, model, step):
        self.after.append(step)

    def state(self):
        return {"step": torch.tensor(self.step)}

    def restore(self, state):
        self.step = int(state["step"])


def train(stage, fabric, folder, steps=6, identity=None, halve_every=2):
    plan = Plan(steps, 0.1, halve_every)
    return fit(stage, plan, folder=folder, identity=identity or {"a": 1}, fabric=fabric)


def test_the_rate_is_halved_every_so_many_steps():
    plan = Plan(10, 0.8, halve_every=3)
    assert [plan.rate(step) for step in range(7)] == [0.8, 0.8, 0.8, 0.4, 0.4, 0.4, 0.2]
    assert {Plan(10, 0.8).rate(step) for step in range(100)} == {0.8}


def test_a_warm_rate_rises_in_equal_parts_and_falls_along_a_cosine_to_nothing():
    plan = Plan(12, 0.8, schedule="cosine", warmup=4)
    assert [plan.rate(step) for step in range(5)] == pytest.approx([0.2, 0.4, 0.6, 0.8, 0.8])
    assert plan.rate(8) == pytest.approx(0.4)  # half way down
    falling = [plan.rate(step) for step in range(4, 13)]
    assert falling == sorted(falling, reverse=True)
    assert falling[-1] == pytest.approx(0)
    assert Plan(12, 0.8, 3, warmup=2).rate(6) == pytest.approx(0.2)  # halvings count from the start


@pytest.mark.parametrize(
    ("name", "kind"), [("sgd", torch.optim.SGD), ("lars", import_lightly("utils.lars").LARS)]
)
def test_other_optimizers_step_as_their_library_does_and_resume_with_the_same_bits(
    fabric, tmp_path, monkeypatch, name, kind
):
    plan = Plan(6, 0.1, optimizer=name, schedule="cosine", warmup=2, momentum=0.8)
    stage = Stage()
    fit(stage, plan, folder=tmp_path / "whole", identity={}, fabric=fabric)
    value, draw = torch.tensor([1.0], requires_grad=True), torch.Generator().manual_seed(5)
    own = kind([value], lr=0.1, momentum=0.8)
    for step in range(6):
        own.param_groups[0]["lr"] = plan.rate(step)
        target = torch.rand(1, generator=draw)
        own.zero_grad()
        ((value * target - 2 * target).square().sum() + 0.01 * value.sum()).backward()
        own.step()
    torch.testing.assert_close(stage.net.value, value)

    killed, rest = Stage(), Stage()

    def kill(model, step):
        if step == 4:
            raise Killed

    killed.after_step = kill
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_CHECKPOINTS", -1.0)
    with pytest.raises(Killed):
        fit(killed, plan, folder=tmp_path / "killed", identity={}, fabric=fabric)
    fit(rest, plan, folder=tmp_path / "killed", identity={}, fabric=fabric)
    assert rest.after[0] > 1
    assert torch.equal(rest.net.value, stage.net.value)


def test_it_is_adam_with_the_halved_rate_on_the_sum_of_the_losses(fabric, tmp_path):
    stage = Stage()
    history = train(stage, fabric, tmp_path)
    value, draw = torch.tensor([1.0], requires_grad=True), torch.Generator().manual_seed(5)
    adam = torch.optim.Adam([value], lr=0.1)
    rows = []
    for rate in (0.1, 0.1, 0.05, 0.05, 0.025, 0.025):
        adam.param_groups[0]["lr"] = rate
        target = torch.rand(1, generator=draw)
        parts = [(value * target - 2 * target).square().sum(), 0.01 * value.sum()]
        adam.zero_grad()
        sum(parts).backward()
        adam.step()
        rows.append([part.item() for part in parts])
    torch.testing.assert_close(stage.net.value, value)
    assert history.names == ["error", "size"]
    torch.testing.assert_close(torch.tensor(history.rows), torch.tensor(rows))
    assert stage.after == [1, 2, 3, 4, 5, 6]
    assert history.seconds > 0


def test_a_finished_training_is_not_done_again(fabric, tmp_path):
    first, again = Stage(), Stage()
    done = train(first, fabric, tmp_path)
    repeated = train(again, fabric, tmp_path)
    assert again.after == []
    assert repeated.rows == done.rows
    assert torch.equal(first.net.value, again.net.value)


@pytest.mark.parametrize("killed_at", [1, 2, 3, 4, 6])
@pytest.mark.parametrize("seconds_a_look", [0, 3, 9, 30])
def test_a_killed_run_loses_what_was_not_saved_and_ends_with_the_same_bits(
    fabric, tmp_path, monkeypatch, killed_at, seconds_a_look
):
    """The clock goes ``seconds_a_look`` forward each time the loop looks at it."""
    whole = Stage()
    expected = train(whole, fabric, tmp_path / "whole")
    clock = itertools.count(0, seconds_a_look)
    monkeypatch.setattr(loop.time, "monotonic", lambda: next(clock))
    stage = Stage()

    def kill(model, step):
        if step == killed_at:
            raise Killed

    stage.after_step = kill
    with pytest.raises(Killed):
        train(stage, fabric, tmp_path / "killed")
    rest = Stage()
    history = train(rest, fabric, tmp_path / "killed")
    assert torch.equal(rest.net.value, whole.net.value)
    assert history.rows == expected.rows
    if seconds_a_look == 30 and killed_at > 1:
        assert rest.after[0] == killed_at
    if seconds_a_look == 0:
        assert rest.after[0] == 1


def test_a_kill_costs_less_than_a_minute():
    assert loop.SECONDS_BETWEEN_CHECKPOINTS < 60


def test_other_ways_to_draw_random_numbers_go_on_too(fabric, tmp_path, save_every_step):
    class Global(Stage):
        def losses(self, model):
            parts = super().losses(model)
            return {**parts, "noise": parts["error"] * torch.rand(1).sum()}

    torch.manual_seed(1)
    whole = Global()
    expected = train(whole, fabric, tmp_path / "whole")
    torch.manual_seed(1)
    stage = Global()

    def kill(model, step):
        if step == 4:
            raise Killed

    stage.after_step = kill
    with pytest.raises(Killed):
        train(stage, fabric, tmp_path / "killed")
    torch.manual_seed(77)
    rest = Global()
    assert train(rest, fabric, tmp_path / "killed").rows == expected.rows


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_not_finite_stops_the_run_and_names_the_step(
    fabric, tmp_path, save_every_step, value
):
    stage = Stage(bad={4: lambda v: (v * value).sum()})
    with pytest.raises(TrainingError) as caught:
        train(stage, fabric, tmp_path)
    line = str(caught.value)
    assert line.startswith("step 4: loss 'size' is ")
    assert "\n" not in line
    tensors, header = checkpoint.load(tmp_path / "checkpoint.safetensors")
    assert header["step"] == 3
    assert tensors["net.value"].isfinite().all()


@pytest.mark.parametrize("read_every", [1, 2, 5, 100])
def test_the_step_is_named_right_also_where_losses_are_read_in_bunches(
    fabric, tmp_path, monkeypatch, read_every
):
    monkeypatch.setitem(loop.STEPS_BETWEEN_READS, "cpu", read_every)
    stage = Stage(bad={5: lambda v: (v * math.nan).sum()})
    with pytest.raises(TrainingError, match=r"^step 5: loss 'size' is nan"):
        train(stage, fabric, tmp_path, steps=9)
    assert not (tmp_path / "checkpoint.safetensors").exists()


@pytest.mark.parametrize("read_every", [1, 4, 100])
def test_reading_in_bunches_loses_no_row(fabric, tmp_path, monkeypatch, read_every):
    expected = train(Stage(), fabric, tmp_path / "a").rows
    monkeypatch.setitem(loop.STEPS_BETWEEN_READS, "cpu", read_every)
    assert train(Stage(), fabric, tmp_path / "b").rows == expected


def broken_gradient(value):
    """A finite loss whose gradient is not: the square root's at zero."""
    return 0.01 * value.sum() + (value.sum() - value.sum()).sqrt()


@pytest.mark.parametrize("at", [3, 6])
def test_weights_that_are_not_finite_are_never_saved(fabric, tmp_path, save_every_step, at):
    stage = Stage(bad={at: broken_gradient})
    with pytest.raises(TrainingError, match=f"step {at}: weights of value are not finite"):
        train(stage, fabric, tmp_path)
    tensors, _ = checkpoint.load(tmp_path / "checkpoint.safetensors")
    assert tensors["net.value"].isfinite().all()


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        ({"config": {"rate": 0.1}}, {"config": {"rate": 0.2}}, "config.rate (was 0.1, now 0.2)"),
        ({"code": "abc"}, {"code": "abd"}, "code (was 'abc', now 'abd')"),
        ({"a": 1}, {"a": 1, "b": 2}, "b (was None, now 2)"),
    ],
)
def test_a_checkpoint_of_another_config_is_refused_with_the_field(
    fabric, tmp_path, before, now, said
):
    train(Stage(), fabric, tmp_path, identity=before)
    whole = (tmp_path / "checkpoint.safetensors").read_bytes()
    with pytest.raises(TrainingError) as caught:
        train(Stage(), fabric, tmp_path, identity=now)
    line = str(caught.value)
    assert said in line
    assert "checkpoint.safetensors" in line
    assert "\n" not in line
    assert (tmp_path / "checkpoint.safetensors").read_bytes() == whole


def test_a_damaged_checkpoint_stops_with_one_line(fabric, tmp_path):
    train(Stage(), fabric, tmp_path)
    path = tmp_path / "checkpoint.safetensors"
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(TrainingError, match="damaged checkpoint") as caught:
        train(Stage(), fabric, tmp_path)
    assert "\n" not in str(caught.value)


def test_a_file_of_tensors_that_is_no_checkpoint_stops_with_one_line(fabric, tmp_path):
    save_file({"weight": torch.ones(3)}, tmp_path / "checkpoint.safetensors")
    with pytest.raises(TrainingError, match=r"checkpoint\.safetensors"):
        train(Stage(), fabric, tmp_path)


def test_the_progress_bar_shows_the_losses(fabric, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(loop, "tqdm", functools.partial(loop.tqdm, mininterval=0))
    fit(
        Stage(),
        Plan(3, 0.1),
        folder=tmp_path,
        identity={},
        fabric=fabric,
        title="one number",
        progress=True,
    )
    shown = capsys.readouterr().err
    assert "one number" in shown
    assert "3/3" in shown
    assert "error=" in shown


def test_without_progress_nothing_is_printed(fabric, tmp_path, capsys):
    train(Stage(), fabric, tmp_path)
    assert capsys.readouterr().err == ""


def test_the_folder_holds_the_checkpoint_and_nothing_else(fabric, tmp_path, save_every_step):
    train(Stage(), fabric, tmp_path)
    assert os.listdir(tmp_path) == ["checkpoint.safetensors"]


def test_histories_do_not_share_their_rows():
    History().rows.append([1.0])
    assert History().rows == []


def test_adam_takes_the_same_steps_in_every_memory_layout():
    """The fused optimizer reads weights, gradients and moments as rows of numbers."""
    weight = torch.randn(6, 4, 3, 3, generator=torch.Generator().manual_seed(1))
    slope = torch.randn(6, 4, 3, 3, generator=torch.Generator().manual_seed(2))
    ends = []
    for layout in (torch.contiguous_format, torch.channels_last):
        own = nn.Parameter(weight.clone(memory_format=layout))
        adam = Plan(3, 0.1).build([own])
        for _ in range(3):
            adam.zero_grad()
            (own.square() * slope).sum().backward()
            adam.step()
        ends.append(own.detach())
    plain = nn.Parameter(weight.clone())
    reference = torch.optim.Adam([plain], lr=0.1, fused=False)
    for _ in range(3):
        reference.zero_grad()
        (plain.square() * slope).sum().backward()
        reference.step()
    for end in ends:
        torch.testing.assert_close(end, plain.detach(), rtol=1e-5, atol=1e-6)
