"""A method that works beats its own start; one that was not trained does not."""

from types import SimpleNamespace

import pytest
import torch

from benchmarks.probing import learning
from benchmarks.probing.asked import ASKED, QUESTIONS, SEEDS, probed_config
from benchmarks.probing.phantom_questions import ANSWER, draw_eyes
from ldl.methods import METHODS
from ldl.train.loop import History

# The quickest of all: half the eyes fit the regression, half test it.
METHOD, STEPS, EYES, SEED = "relative-location", 60, 120, 1


@pytest.fixture(scope="module")
def eyes(tmp_path_factory):
    """Unseen eyes, and a cache in which the training images are drawn once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LDL_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield draw_eyes(EYES, size=64, crop=48)


def test_every_method_that_trains_is_asked_something():
    assert set(ASKED) == {name for name, each in METHODS.items() if each.compared and each.trains}
    assert {question for question, _ in ASKED.values()} == set(QUESTIONS) == set(ANSWER)
    assert 0 not in SEEDS  # it was looked at when the questions were chosen


def test_training_gains_on_the_question(eyes):
    done = learning.lesson(METHOD, SEED, eyes, steps=STEPS)
    assert done.trained.score > done.start.score + 0.05
    assert done.trained.score > done.measured.score + 0.05
    assert sum(done.losses[-10:]) < 0.9 * sum(done.losses[:10])


def test_without_training_there_is_no_gain(eyes, monkeypatch):
    def untouched(config, bank, how, **_):
        encoder = learning.untrained(config, 224)
        return SimpleNamespace(net=SimpleNamespace(encoder=encoder), history=History())

    monkeypatch.setattr(learning, "pretrain_comparison", untouched)
    done = learning.lesson(METHOD, SEED, eyes, steps=STEPS)
    assert done.trained.score == done.start.score


def test_the_start_is_what_training_begins_with():
    config = probed_config("moco", 2)
    one, other = (learning.untrained(config, count) for count in (224, 7))
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    assert all(torch.equal(first, second) for first, second in pairs)


def test_measured_statistics_are_those_of_the_images_and_nothing_else_changes():
    encoder = learning.untrained(probed_config("moco", 1), 16)
    images = torch.randint(256, (32, 3, 32, 32), generator=torch.Generator().manual_seed(0))
    done = learning.with_statistics(encoder, images.to(torch.uint8))
    before, after = encoder.state_dict(), done.state_dict()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved
    assert all("running_" in name or "num_batches" in name for name in moved)
    normed = [part for part in done.modules() if isinstance(part, torch.nn.BatchNorm2d)]
    first = next(part for part in done.modules() if isinstance(part, torch.nn.Conv2d))
    from ldl.data.colour import normalise, to_float

    mean = first(normalise(to_float(images))).mean((0, 2, 3))
    torch.testing.assert_close(normed[0].running_mean, mean, rtol=1e-3, atol=1e-4)
