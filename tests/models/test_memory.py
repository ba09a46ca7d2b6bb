"""The dictionary of keys: first in, first out, across its end, and part of the state."""

import pytest
import torch

from ldl.errors import ConfigError
from ldl.models.memory import Queue


def keys(number, count, dim=3):
    """Keys that say which push they came with and which place they had in it."""
    made = torch.zeros(count, dim)
    made[:, 0], made[:, 1] = number, torch.arange(count)
    return made


@pytest.mark.parametrize("length", [1, 5, 64])
def test_before_the_first_push_it_holds_random_unit_vectors(length):
    torch.manual_seed(0)
    queue = Queue(length, 16)
    assert queue.keys.shape == (length, 16)
    torch.testing.assert_close(queue.keys.norm(dim=1), torch.ones(length))
    assert len(torch.unique(queue.keys, dim=0)) == length
    torch.manual_seed(1)
    assert not torch.equal(Queue(length, 16).keys, queue.keys)


@pytest.mark.parametrize(
    ("length", "counts"),
    [
        (8, [4, 4, 4]),
        (10, [4, 4, 4, 4, 4]),
        (7, [5, 5, 5, 5]),
        (5, [5, 5]),
        (6, [1, 6, 3, 2, 5]),
        (3, [1, 1, 1, 1, 1]),
    ],
)
def test_it_holds_the_newest_keys_across_its_end(length, counts):
    queue, pushed = Queue(length, 3), torch.empty(0, 3)
    start = queue.keys.clone()
    for number, count in enumerate(counts, start=1):
        new = keys(number, count)
        queue.push(new)
        pushed = torch.cat([pushed, new])
        assert int(queue.place) == len(pushed) % length
        newest = pushed[-length:]
        rows = torch.arange(len(pushed) - len(newest), len(pushed)) % length
        assert torch.equal(queue.keys[rows], newest)
        untouched = torch.ones(length, dtype=torch.bool)
        untouched[rows] = False
        assert torch.equal(queue.keys[untouched], start[untouched])


def test_a_copy_taken_before_a_push_does_not_hold_its_keys():
    queue = Queue(6, 3)
    before = queue.keys.clone()
    queue.push(keys(9, 4))
    assert not (before[:, 0] == 9).any()
    assert (queue.keys[:, 0] == 9).sum() == 4


def test_more_keys_than_it_is_long_are_refused_and_it_stays_as_it_was():
    queue = Queue(4, 3)
    before = queue.keys.clone()
    with pytest.raises(ConfigError, match=r"queue of 4 cannot take 5 keys") as caught:
        queue.push(keys(1, 5))
    assert "\n" not in str(caught.value)
    assert torch.equal(queue.keys, before)
    assert int(queue.place) == 0


def test_it_is_part_of_the_state_and_goes_on_where_it_was():
    one, other = Queue(7, 3), Queue(7, 3)
    one.push(keys(1, 5))
    state = {name: value.clone() for name, value in one.state_dict().items()}
    assert set(state) == {"keys", "place"}
    other.load_state_dict(state)
    for queue in (one, other):
        queue.push(keys(2, 5))
    assert torch.equal(one.keys, other.keys)
    assert torch.equal(one.place, other.place)


def test_it_has_no_parameters_and_keeps_no_graph():
    queue = Queue(4, 3)
    assert list(queue.parameters()) == []
    queue.push(torch.randn(2, 3, requires_grad=True) * 2)
    assert not queue.keys.requires_grad
    assert queue.keys.grad_fn is None


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_keys_of_another_precision_are_kept_in_its_own(dtype):
    queue = Queue(4, 3)
    queue.push(torch.ones(2, 3, dtype=dtype))
    assert queue.keys.dtype == torch.float32
    assert torch.equal(queue.keys[:2], torch.ones(2, 3))
