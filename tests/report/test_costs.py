"""What a step costs, counted: by hand for the simplest methods, and alike at each count."""

import pytest

from ldl.methods import METHODS
from ldl.report.networks import PROFILE, REFERENCE, Cost, cost_of

# (in, out) of VGG16's convolutions in units of the base, stage by stage.
STAGES = (((0, 1), (1, 1)), ((1, 2), (2, 2)), ((2, 4), (4, 4), (4, 4)))
STAGES += (((4, 8), (8, 8), (8, 8)), ((8, 8), (8, 8), (8, 8)))
HEAD = 8 * PROFILE.base * 128
# Where the middle of a view's crop comes to lie: a 2 x 2 matrix and a vector.
VIEW = 2 * 2 * 2


def forward() -> int:
    """FLOP of one image through the encoder: 2 x 9 a pixel and pair of channels."""
    total = 0
    for number, stage in enumerate(STAGES):
        pixels = (PROFILE.crop // 2**number) ** 2
        for before, after in stage:
            total += 2 * 9 * pixels * (before * PROFILE.base or 3) * after * PROFILE.base
    return total


def first_layer() -> int:
    """The gradient for the images themselves is not needed."""
    return 2 * 9 * PROFILE.crop**2 * 3 * PROFILE.base


def cost(method: str) -> Cost:
    found = cost_of(method)
    assert found is not None
    return found


def test_supervised_is_three_times_the_forward_pass_less_the_images_gradient() -> None:
    encoder = 3 * forward() - first_layer()
    classifier = 3 * 2 * 8 * PROFILE.base * 5
    assert cost("supervised").flop_an_image == encoder + classifier + VIEW


def test_moco_is_a_student_that_learns_and_a_teacher_that_answers() -> None:
    student = 3 * forward() - first_layer() + 3 * 2 * HEAD
    teacher = forward() + 2 * HEAD
    # Forward against the queue, and back to the query; the own key is no matrix product.
    queue = 2 * 2 * 128 * (PROFILE.queue or 0)
    assert cost("moco").flop_an_image == student + teacher + queue + 2 * VIEW


@pytest.mark.parametrize(("method", "views"), [("simclr", 2), ("embinva", 2), ("rotation", 4)])
def test_every_view_costs_as_much_as_the_reference(method: str, views: int) -> None:
    ratio = cost(method).flop_an_image / cost(REFERENCE).flop_an_image
    assert ratio == pytest.approx(views, rel=0.03)


def test_weights_are_those_of_the_encoder_and_of_the_heads_without_a_teacher() -> None:
    pairs = [pair for stage in STAGES for pair in stage]
    base = PROFILE.base
    encoder = sum((9 * (b * base or 3) + 2) * a * base for b, a in pairs)
    assert cost("supervised").parameters == encoder + 8 * base * 5 + 5
    assert cost("moco").parameters == encoder + HEAD + 128


@pytest.mark.parametrize("method", ["moco", "genesis", "relative-location", "mae", "pd"])
def test_counting_again_gives_the_same(method: str) -> None:
    before = cost(method)
    cost_of.cache_clear()
    assert cost(method) == before


def test_every_method_that_is_trained_has_a_cost() -> None:
    for method, each in METHODS.items():
        found = cost_of(method)
        if each.trains:
            assert found is not None
            assert found.images == (PROFILE.batch if each.compared else 2 * PROFILE.groups)
            assert 1e6 < found.flop_an_image < 1e9
        else:
            assert found is None
