"""The questions are right where the right answer is known."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.probing import phantom_questions
from benchmarks.probing.phantom_questions import ANSWER, UNSEEN, draw_eyes
from ldl import phantoms


@pytest.fixture(scope="module")
def eyes():
    return draw_eyes(48, size=64, crop=48)


class Pixels(nn.Module):
    """Says all it sees."""

    def forward(self, images):
        return [F.adaptive_avg_pool2d(images, 4)]


def test_they_are_the_pretraining_phantoms_of_another_seed(eyes):
    drawn = phantoms.pretraining_images("fundus", count=48, size=64, seed=UNSEEN)
    assert torch.equal(eyes.images, torch.from_numpy(drawn))


def test_the_disc_is_among_the_brightest_and_grades_are_grades(eyes):
    shown = ~eyes.disc.isnan().any(dim=1)
    assert shown.float().mean() > 0.7
    assert eyes.disc[shown].abs().max() <= 1
    assert set(eyes.grade.tolist()) <= {0.0, 1.0, 2.0, 3.0, 4.0}
    places = ((eyes.disc[shown] + 1) * 32).long().clamp(0, 63)
    red = eyes.images[shown][:, 0].float()
    at = red[torch.arange(len(red)), places[:, 0], places[:, 1]]
    assert (at > red.flatten(1).mean(dim=1)).float().mean() > 0.9


def test_the_disc_turns_with_its_eye(eyes, monkeypatch):
    """Eyes that are black but for the disc, and an encoder that says where light is."""

    class Where(nn.Module):
        def forward(self, images):
            light = images - images.amin((1, 2, 3), keepdim=True)
            axis = (torch.arange(64) + 0.5) / 64 * 2 - 1
            mass = light.sum((1, 2, 3))
            rows = (light.sum((1, 3)) * axis).sum(1) / mass
            columns = (light.sum((1, 2)) * axis).sum(1) / mass
            return [torch.stack([rows, columns], 1)[:, :, None, None].expand(-1, -1, 2, 2)]

    shown = ~eyes.disc.isnan().any(dim=1)
    places = ((eyes.disc[shown] + 1) * 32).long().clamp(0, 63)
    black = torch.zeros(int(shown.sum()), 3, 64, 64, dtype=torch.uint8)
    black[torch.arange(len(black)), :, places[:, 0], places[:, 1]] = 255
    only = phantom_questions.Eyes(black, eyes.disc[shown], eyes.grade[shown], 48)
    assert ANSWER["disc"](Where(), only).score > 0.95


@pytest.mark.parametrize("question", ANSWER)
def test_an_encoder_that_says_nothing_knows_nothing(eyes, question):
    class Silent(nn.Module):
        def forward(self, images):
            return [torch.ones(len(images), 3, 4, 4)]

    assert abs(ANSWER[question](Silent(), eyes).score) < 1e-6


@pytest.mark.parametrize("question", ANSWER)
def test_equal_encoders_get_equal_answers(eyes, question):
    one, other = (ANSWER[question](Pixels(), eyes) for _ in range(2))
    assert (one.missed == other.missed).all()
    assert len(one.missed) == len(one.total)
