"""What the game of shapes needs on real images: windows of masks, a dark start, views in accord."""

import math

import numpy as np
import pytest
import torch

from ldl.data.prepare import ShapePrior
from ldl.data.preprocess import lit, lit_in_views
from ldl.data.views import draw_views
from ldl.errors import DataError
from ldl.methods.guided import GuidedNet, Surroundings, guided_losses, with_noise
from ldl.models.blocks import Decoder
from ldl.models.segmentation import OwnTargetNet
from ldl.rng import generator
from ldl.runs.shape import GuideConfig, ShapeConfig
from ldl.train.guide import darkness, narrowed, start_dark
from ldl.train.references import RIM, Cut, NativeReferences, drawn_shape, drawn_share, top_hat
from ldl.train.shape import as_scored

CPU = torch.device("cpu")


def grid(size=64, every=8):
    """Lines of two pixels: a quarter of the mask."""
    mask = np.zeros((3, 1, size, size), np.uint8)
    for start in range(2, size, every):
        mask[..., start : start + 2] = 255
    return ShapePrior("grid", mask, ("a", "b", "c"), "grid")


def eye(dark=True, size=64):
    """(1, 3, S, S) uint8: grey, with an upright line of three pixels."""
    image = torch.full((1, 3, size, size), 120, dtype=torch.uint8)
    image[..., 30:33] = 70 if dark else 170
    return image


@pytest.fixture
def mended(pretrain_config):
    def make(**fields):
        region = pretrain_config("rd", scale="native", crop=32, border="replicate")
        chosen = {
            "judge": "local", "judge_base": 2, "judge_penalty": 0.1, "target": "own",
            "references": "native", "agreement": 5.0, "share_weight": 1.0, "field": "zeroed",
        }  # fmt: skip
        return GuideConfig(region=region, prior="dsa", **{**chosen, **fields})

    return make


def test_windows_of_masks_are_binary_and_never_all_but_empty():
    references = NativeReferences(grid(), 32, generator(0, "masks"), CPU)
    drawn = references.draw(20)
    assert drawn.shape == (20, 1, 32, 32)
    assert set(drawn.unique().tolist()) == {0.0, 1.0}
    assert float(drawn.mean(dim=(1, 2, 3)).min()) >= NativeReferences.LEAST
    assert references.share == pytest.approx(0.25, abs=0.03)


def test_measuring_the_share_draws_nothing_from_the_callers_generator():
    one, other = generator(0, "masks"), generator(0, "masks")
    _ = NativeReferences(grid(), 32, one, CPU).share
    assert torch.equal(one.get_state(), other.get_state())


def test_masks_without_a_window_worth_showing_are_refused():
    dot = np.zeros((1, 1, 64, 64), np.uint8)
    dot[..., 5, 5] = 255
    prior = ShapePrior("dot", dot, ("a",), "dot")
    references = NativeReferences(prior, 32, generator(0, "m"), CPU)
    with pytest.raises(DataError, match="hardly a window of 32 pixels"):
        references.draw(1)
    with pytest.raises(DataError, match="hardly a window of 32 pixels"):
        _ = references.share


def test_what_a_target_is_held_against_is_what_the_judge_is_shown():
    whole, windows = drawn_shape(grid(), "whole", 32), drawn_shape(grid(), "native", 32)
    assert (whole.share, windows.share) == tuple(
        drawn_share(grid(), kind, 32) for kind in ("whole", "native")
    )
    assert whole.piece == pytest.approx(64, abs=3)
    assert windows.piece < 45  # no line in a square of 32 is longer than its diagonal
    assert whole.width == pytest.approx(2, abs=0.1)


def test_a_target_of_its_own_competes_with_nobody():
    net = OwnTargetNet(2, 3, 8, 4, "zeros")
    scores = torch.zeros(1, 4, 1, 1)
    assert net.assign(scores).flatten().tolist() == pytest.approx([1 / 2, 1 / 6, 1 / 6, 1 / 6])
    scores[:, 1:] = 50.0
    assert net.assign(scores).flatten().tolist() == pytest.approx([1 / 2, 1 / 6, 1 / 6, 1 / 6])
    scores[:, 0] = math.log(4)
    found = net.assign(scores).flatten()
    assert found[0] == pytest.approx(0.8)
    assert float(found.sum()) == pytest.approx(1)


def test_darkness_is_the_depth_of_a_dark_line_and_nothing_on_a_bright_one():
    for dark, depth in ((True, 50.0), (False, 0.0)):
        found = darkness(eye(dark).float())
        assert float(found[0, 0, 32, 31]) == pytest.approx(depth)
        assert float(found[0, 0, 32, 10]) == pytest.approx(0.0)


def test_a_dark_start_makes_dark_lines_the_target(mended):
    torch.manual_seed(0)
    net = GuidedNet(mended()).local.train()
    both = torch.cat([eye(True), eye(False)]).repeat(2, 1, 1, 1)
    views = draw_views(both, 64, "dihedral", generator(0, "views"), "whole", 0.0)
    found = start_dark(net, [(views, lit_in_views(both, views))], 0.05)
    assert found > 0.3
    with torch.no_grad():
        target = net(views.first)[1][:, 0]
    line = darkness(views.first)[:, 0]
    dark, rest = line > 0.5 * line.max(), line < 0.1 * line.max()
    assert float(target[dark].mean()) > 1.5 * float(target[rest].mean())
    assert 0.0 < float((target > 0.5).float().mean()) < 0.2


def test_the_share_is_weighed_and_the_judge_is_shown_one_map_of_two_views(mended, image_bank):
    torch.manual_seed(0)
    config = mended(judge_noise=0.0)
    net = GuidedNet(config)
    images = torch.from_numpy(image_bank().images[:4])
    views = draw_views(images, 32, "dihedral", generator(0, "views"), "native", 0.0)

    def losses(inside=None):
        around = Surroundings(inside, 0.1)
        return guided_losses(net, net.judge, views, config, generator(0, "mix"), around)

    found, shown = losses()
    assert list(found)[-3:] == ["share", "agreement", "adversarial"]
    assert shown.shape == (4, 1, 32, 32)
    assert not shown.requires_grad
    expected = math.log(float(shown.mean()) / 0.1) ** 2
    assert found["share"].item() == pytest.approx(expected, rel=1e-3)
    assert not losses(torch.zeros(8, 1, 32, 32))[1].any()


def test_views_that_agree_differ_by_their_symmetry_alone(image_bank):
    images = torch.from_numpy(image_bank().images[:4])
    views = draw_views(images, 32, "dihedral", generator(0, "views"), "native", 0.0)
    torch.testing.assert_close(views.first_affine.matrix, views.second_affine.matrix)
    turned = draw_views(images, 32, "dihedral", generator(0, "views"), "native")
    assert not torch.equal(turned.first_affine.matrix, turned.second_affine.matrix)


def test_noise_is_drawn_only_where_it_is_asked_for():
    masks, drawn = torch.zeros(2, 1, 50, 50), generator(0, "noise")
    before = drawn.get_state()
    assert with_noise(masks, 0.0, drawn) is masks
    assert torch.equal(drawn.get_state(), before)
    assert float(with_noise(masks, 0.3, drawn).std()) == pytest.approx(0.3, rel=0.05)


def test_the_field_is_what_is_lit():
    image = torch.zeros(1, 3, 4, 4, dtype=torch.uint8)
    image[:, 0, :, 1:] = 21
    image[:, 0, :, 3] = 20
    mean, deviation = (torch.tensor(v).view(1, 3, 1, 1) for v in
                       ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))  # fmt: skip
    assert lit((image / 255 - mean) / deviation)[0, 0].tolist() == [0, 1, 1, 0]


def test_the_floor_finds_dark_lines_up_to_the_share_and_no_bright_ones():
    shift = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    scale = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    found = [
        top_hat((eye(dark, 128) / 255 - shift) / scale, 0.02)[0, 20:-20] for dark in (True, False)
    ]
    assert found[0][:, 31].all()
    assert found[0][:, :25].sum() == found[0][:, 40:].sum() == 0
    assert found[1][:, 31].sum() == 0


def test_a_map_is_cut_where_it_is_strongest_and_never_at_the_rim():
    values = torch.rand(2, 40, 40, generator=torch.Generator().manual_seed(0))
    values[:, :, 0] = 2
    fields = np.ones((2, 40, 40), bool)
    fields[1, :4] = False
    found = Cut(0.05)(values, fields)
    for mask, inside in zip(found.numpy(), fields, strict=True):
        assert mask[inside].mean() == pytest.approx(0.05, abs=1e-3)
        assert mask[~inside].sum() == mask[:, : RIM - 1].sum() == 0
    assert values[0][found[0] > 0].min() > values[0, RIM:-RIM, RIM:-RIM][
        found[0, RIM:-RIM, RIM:-RIM] == 0
    ].max()  # fmt: skip
    window = Cut(0.05, window=True)(values, fields)
    assert window[0, :, 0].all()
    assert window[1, 4 : 4 + RIM].sum() == 0


def test_looks_are_averaged_in_register_before_they_are_cut(mended):
    run = ShapeConfig(data=mended().data, prior="dsa", output="ori", guide=mended(), looks=4)
    image = torch.rand(1, 3, 8, 8)
    place = torch.arange(64.0).view(1, 8, 8) / 64
    same = as_scored(run, lambda images: images[:, 0])(image)
    torch.testing.assert_close(same, image[:, 0])
    # A map that says where it is, not what it sees, says nothing in the mean over flips of rows.
    seen = as_scored(run.model_copy(update={"looks": 8}), lambda images: place)(image)
    torch.testing.assert_close(seen, torch.full_like(seen, float(place.mean())))


def test_maps_that_are_judged_have_no_blocks_of_two_pixels():
    deep = torch.rand(1, 2, 4, 4)
    blocks, smooth = (
        Decoder([4, 4, 4, 4, 4], upsampling=how).join(deep, torch.zeros(1, 1, 8, 8))[0, 0]
        for how in ("nearest", "bilinear")
    )
    assert torch.equal(blocks[0::2], blocks[1::2])
    assert not torch.isclose(smooth[2:-2:2], smooth[3:-2:2]).any()
    assert OwnTargetNet(4, 3, 8, 4, "replicate").decoder.upsampling == "bilinear"


def test_a_dark_start_needs_a_target_of_its_own(mended):
    with pytest.raises(ValueError, match="target 'own'"):
        mended(target="shared", start="dark")


def test_a_filter_has_a_floor_and_trains_nothing(mended):
    data = mended().data
    floor = {"references": "native", "crop": 32}
    run = ShapeConfig.model_validate(
        {"data": data, "prior": "dsa", "output": "top-hat", "floor": floor}
    )
    assert not run.trains
    assert run.needs() == ()
    with pytest.raises(ValueError, match="needs 'floor'"):
        ShapeConfig(data=data, prior="dsa", output="top-hat")


def test_the_judge_sees_nothing_close_to_the_fields_edge():
    inside = torch.ones(1, 1, 5, 9)
    inside[..., 0] = 0
    assert narrowed(inside, 2)[0, 0, 2].tolist() == [0, 0, 0, 1, 1, 1, 1, 1, 1]
