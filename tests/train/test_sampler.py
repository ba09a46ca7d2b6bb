"""Epochs of permutations."""

import itertools

import pytest
import torch

from ldl.train.loop import EpochSampler

ROWS = [3, 5, 7, 11, 13, 17, 19]


def sampler(batch, whole, seed=0, rows=ROWS):
    return EpochSampler(rows, batch, torch.Generator().manual_seed(seed), whole)


def test_each_row_comes_once_an_epoch_with_a_smaller_last_batch():
    draws = sampler(3, whole=True)
    for _ in range(4):
        batches = [draws.draw().tolist() for _ in range(3)]
        assert [len(batch) for batch in batches] == [3, 3, 1]
        assert sorted(itertools.chain(*batches)) == ROWS


@pytest.mark.parametrize("batch", [1, 2, 3, 7, 9, 20])
def test_each_row_comes_once_an_epoch_where_batches_run_on_into_the_next(batch):
    draws = sampler(batch, whole=False)
    drawn = torch.cat([draws.draw() for _ in range(21)]).tolist()
    assert len(drawn) == 21 * batch
    for start in range(0, len(drawn) - 6, 7):
        assert sorted(drawn[start : start + 7]) == ROWS


def test_epochs_are_shuffled_anew():
    draws = sampler(7, whole=True)
    orders = {tuple(draws.draw().tolist()) for _ in range(5)}
    assert len(orders) == 5


def test_the_seed_decides():
    one, same, other = (sampler(3, False, seed) for seed in (1, 1, 2))
    firsts = [torch.cat([s.draw() for _ in range(5)]).tolist() for s in (one, same, other)]
    assert firsts[0] == firsts[1] != firsts[2]


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("taken", range(8))
def test_the_order_and_the_generator_are_all_it_takes_to_go_on(whole, taken):
    first = sampler(3, whole)
    for _ in range(taken):
        first.draw()
    second = sampler(3, whole, seed=99)
    second.order = first.order.clone()
    second.generator.set_state(first.generator.get_state())
    for _ in range(9):
        assert torch.equal(first.draw(), second.draw())
