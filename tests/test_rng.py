"""The one door for randomness."""

import numpy as np
import pytest
import torch

from ldl.rng import derive, generator, numpy_generator, seed_everything


def test_equal_names_give_equal_draws():
    one, same = (torch.rand(4, generator=generator(1, "views", 3)) for _ in range(2))
    assert torch.equal(one, same)
    one, same = (numpy_generator(1, "views").random(4) for _ in range(2))
    np.testing.assert_array_equal(one, same)


def test_every_seed_and_name_is_a_stream_of_its_own():
    seeds = {
        derive(seed, *names)
        for seed in range(20)
        for names in [(), ("a",), ("b",), ("a", "b"), ("b", "a"), ("a", 1), ("a", 2), ("ab",)]
    }
    assert len(seeds) == 160


def test_seeds_fit_where_they_are_used():
    for seed in (-5, 0, 2**70):
        number = derive(seed, "x")
        assert 0 <= number < 2**63
        torch.Generator().manual_seed(number)


@pytest.mark.parametrize(
    ("arguments", "number"),
    [((0,), 2033344993903900207), ((7, "pretrain", "pd"), 4905559841606306930)],
)
def test_every_process_and_machine_draws_the_same(arguments, number):
    """Python's own hash of a text differs from process to process; this must not."""
    assert derive(*arguments) == number


def test_a_numpy_integer_is_the_same_seed():
    assert derive(np.int64(3), "a") == derive(3, "a")


def test_initialisation_follows_the_seed_and_its_names():
    def weights(*names):
        seed_everything(*names)
        return torch.nn.Linear(3, 3).weight

    assert torch.equal(weights(1, "net"), weights(1, "net"))
    assert not torch.equal(weights(1, "net"), weights(1, "other"))
    assert not torch.equal(weights(1, "net"), weights(2, "net"))


def test_generators_do_not_touch_the_global_one():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    torch.rand(3, generator=generator(1, "a"))
    numpy_generator(1, "a").random()
    assert torch.equal(torch.get_rng_state(), before)
