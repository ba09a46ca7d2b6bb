"""Checkpoints: whole or not there, and nothing but tensors and JSON."""

import errno
import json
import os

import pytest
import torch
from safetensors.torch import save_file

from ldl.errors import DataError, TrainingError
from ldl.train import checkpoint


def tensors():
    draw = torch.Generator().manual_seed(0)
    weight = torch.randn(4, 3, 3, 3, generator=draw)
    return {
        "weight": weight,
        "channels last": weight.to(memory_format=torch.channels_last),
        "slice": weight[:, ::2],
        "the same memory": weight.view(-1),
        "count": torch.tensor(7),
        "none": torch.empty(0, dtype=torch.int64),
        "double": torch.tensor([0.1, float("inf")], dtype=torch.float64),
        "half": weight.half(),
        "state": torch.Generator().manual_seed(1).get_state(),
        "flags": torch.tensor([True, False]),
        "with gradient": weight.clone().requires_grad_(),
    }


HEADER = {
    "step": 3,
    "identity": {"config": {"rate": 0.1, "nothing": None}},
    "names": ["a"],
    "seconds": 1.5,
}


def test_tensors_and_header_come_back_bit_for_bit(tmp_path):
    path = tmp_path / "deep" / "checkpoint.safetensors"
    checkpoint.save(path, tensors(), HEADER)
    back, read = checkpoint.load(path)
    assert {name: read[name] for name in HEADER} == HEADER
    assert back.keys() == tensors().keys()
    for name, value in tensors().items():
        assert back[name].dtype == value.dtype
        assert torch.equal(back[name], value)
        assert not back[name].requires_grad
    assert [p.name for p in path.parent.iterdir()] == ["checkpoint.safetensors"]


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path, monkeypatch):
    path = tmp_path / "checkpoint.safetensors"
    checkpoint.save(path, {"a": torch.ones(3)}, HEADER)

    def torn(descriptor):
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint.os, "fsync", torn)
    with pytest.raises(KeyboardInterrupt):
        checkpoint.save(path, {"a": torch.zeros(3)}, {**HEADER, "step": 4})
    back, header = checkpoint.load(path)
    assert header["step"] == 3
    assert torch.equal(back["a"], torch.ones(3))
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_left_is_swept_away_and_a_live_ones_is_not(tmp_path):
    path = tmp_path / "enc.safetensors"
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    dead, live = (path.with_suffix(f".partial-{one}") for one in (child, os.getppid()))
    dead.write_bytes(b"")
    live.write_bytes(b"")
    checkpoint.save(path, {"a": torch.ones(3)}, HEADER)
    assert {one.name for one in tmp_path.iterdir()} == {path.name, live.name}


def test_a_full_disk_is_one_line_and_the_old_file_stays(tmp_path, monkeypatch):
    path = tmp_path / "checkpoint.safetensors"
    checkpoint.save(path, {"a": torch.ones(3)}, HEADER)

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoint.os, "fsync", full)
    with pytest.raises(DataError, match=r"no space left, .* bytes are free.*LDL_CACHE"):
        checkpoint.save(path, {"a": torch.zeros(3)}, HEADER)
    assert torch.equal(checkpoint.load(path)[0]["a"], torch.ones(3))
    assert list(tmp_path.iterdir()) == [path]


def test_names_that_are_no_utf8(tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9.safetensors")
    checkpoint.save(path, {"a": torch.ones(3)}, HEADER)
    assert torch.equal(checkpoint.load(path)[0]["a"], torch.ones(3))


DAMAGE = {
    "empty": lambda whole: b"",
    "cut in the header": lambda whole: whole[:20],
    "cut in the tensors": lambda whole: whole[:-5],
    "too long": lambda whole: whole + b"more",
    "overwritten": lambda whole: b"\0" * len(whole),
    "a pickle": lambda whole: b"\x80\x04K\x01.",
    "one bit": lambda whole: whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:],
    "text": lambda whole: b"step 3 of 7 and so on, no checkpoint at all",
}


@pytest.mark.parametrize("damage", list(DAMAGE))
def test_a_damaged_file_gets_one_line_with_its_name_and_what_to_do(tmp_path, damage):
    path = tmp_path / "checkpoint.safetensors"
    checkpoint.save(path, {"a": torch.ones(50)}, HEADER)
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    with pytest.raises(TrainingError) as caught:
        checkpoint.load(path)
    line = str(caught.value)
    assert str(path) in line
    assert "damaged" in line
    assert "delete" in line
    assert "\n" not in line


def test_a_header_that_is_not_json_is_damage_too(tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    save_file({"a": torch.ones(1)}, path, metadata={"header": "{step: 1"})
    with pytest.raises(TrainingError, match="damaged"):
        checkpoint.load(path)


@pytest.mark.parametrize("header", [None, {}, {"step": 1}, [3]])
def test_a_file_of_tensors_that_is_no_checkpoint_is_refused(tmp_path, header):
    path = tmp_path / "checkpoint.safetensors"
    metadata = None if header is None else {"header": json.dumps(header)}
    save_file({"a": torch.ones(1)}, path, metadata=metadata)
    with pytest.raises(TrainingError, match="not a checkpoint") as caught:
        checkpoint.load(path)
    assert str(path) in str(caught.value)


def test_a_finished_runs_weights_are_read_too(tmp_path):
    path = tmp_path / "weights.safetensors"
    checkpoint.save(path, {"a": torch.ones(1)}, {"run_id": "pretrain-pd"})
    assert checkpoint.load(path)[1]["run_id"] == "pretrain-pd"


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused_and_the_old_file_stays(tmp_path, value):
    path = tmp_path / "checkpoint.safetensors"
    good = {"net.a": torch.ones(3), "net.count": torch.tensor(2), "history": torch.zeros(2)}
    checkpoint.save(path, good, HEADER)
    bad = {**good, "net.a": torch.tensor([1.0, value, 1.0])}
    with pytest.raises(TrainingError, match=r"step 3: weights of a are not finite"):
        checkpoint.save(path, bad, HEADER)
    assert torch.equal(checkpoint.load(path)[0]["net.a"], torch.ones(3))
    # Only weights must be finite: the best loss so far starts at infinity.
    checkpoint.save(path, {**good, "history": torch.tensor([value])}, HEADER)


def test_a_missing_file_is_said_so(tmp_path):
    with pytest.raises(TrainingError, match=r"gone\.safetensors"):
        checkpoint.load(tmp_path / "gone.safetensors")


def test_names_are_put_under_a_prefix_and_taken_out_again():
    inner = {"a.b": torch.ones(1), "c": torch.zeros(1)}
    outer = {**checkpoint.prefixed("net", inner), "network.c": torch.ones(2), "net": torch.ones(3)}
    assert checkpoint.under("net", outer).keys() == inner.keys()


def test_an_optimizer_goes_on_as_if_it_had_not_stopped():
    def made():
        torch.manual_seed(0)
        layer = torch.nn.Linear(3, 2)
        return layer, torch.optim.Adam(layer.parameters(), lr=0.1)

    def step(layer, adam, number):
        adam.zero_grad()
        (layer(torch.full((1, 3), float(number))) ** 2).sum().backward()
        adam.step()

    layer, adam = made()
    for number in range(3):
        step(layer, adam, number)
    other, other_adam = made()
    other.load_state_dict(layer.state_dict())
    saved = {k: v.clone() for k, v in checkpoint.optimizer_tensors(adam).items()}
    checkpoint.restore_optimizer(other_adam, saved)
    for number in range(3, 6):
        step(layer, adam, number)
        step(other, other_adam, number)
    assert torch.equal(layer.weight, other.weight)
    assert torch.equal(layer.bias, other.bias)


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ({"a": 1, "b": {"c": 2.0, "d": [1]}}, None),
        ({"a": 2, "b": {"c": 2.0, "d": [1]}}, "a (was 1, now 2)"),
        ({"a": 1, "b": {"c": 3.0, "d": [1]}}, "b.c (was 2.0, now 3.0)"),
        ({"a": 1, "b": {"c": 2.0, "d": [1, 2]}}, "b.d (was [1], now [1, 2])"),
        ({"a": 1, "b": None}, "b (was {'c': 2.0, 'd': [1]}, now None)"),
        ({"a": 1}, "b (was {'c': 2.0, 'd': [1]}, now None)"),
        ({"a": 1, "b": {"c": 2.0, "d": [1]}, "e": 5}, "e (was None, now 5)"),
    ],
)
def test_the_first_field_that_differs_is_named_with_both_values(now, said):
    saved = json.loads('{"a": 1, "b": {"c": 2.0, "d": [1]}}')
    assert checkpoint.differing_field(saved, now) == said
