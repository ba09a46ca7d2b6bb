"""CycleGAN and SynSeg: what they minimise, whose weights move, the pool, exact resume."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from ldl.config import DataConfig
from ldl.data.prepare import ShapePrior
from ldl.losses.adversarial import squares_fool
from ldl.methods.synthesis import SynthesisNet, as_photograph, as_signed, synthesis_losses
from ldl.rng import generator
from ldl.runs.shape import ShapeConfig, SynthesisConfig
from ldl.train import checkpoint
from ldl.train.loop import Plan
from ldl.train.made import How
from ldl.train.opponent import ImagePool
from ldl.train.references import References
from ldl.train.synthesis import BETAS, SynthesisStage, synthesise
from ldl.train.target import PseudoPairs, SyntheticPairs, label_images, train_target

SIZE = 32


def prior(count=3):
    found = np.zeros((count, 1, SIZE, SIZE), np.uint8)
    for k in range(count):
        found[k, 0, 4:-4, 8 + 3 * k : 11 + 3 * k] = 255
    return ShapePrior("lines", found, tuple(map(str, range(count))), "lines")


def config(**fields):
    base = {
        "images": DataConfig(source="phantom", size=SIZE), "crop": SIZE, "steps": 4,
        "segment_steps": 2, "segment_base": 2, "base": 2, "blocks": 1, "judge_base": 2,
        "batch": 2, "pool": 3,
    }  # fmt: skip
    return SynthesisConfig(**{**base, **fields})


def run_of(synthesis):
    """CycleGAN's run, or SynSeg's where both networks are trained together."""
    output = "cyclegan" if synthesis.segment_steps else "synseg"
    return ShapeConfig(data=synthesis.images, prior="dsa", output=output, synthesis=synthesis)


def same(one, other):
    one, other = one.state_dict(), other.state_dict()
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


@pytest.fixture
def run(image_bank, fabric, tmp_path):
    def start(name="run", given=None):
        how = How(tmp_path / name, fabric)
        return synthesise(run_of(given or config()), image_bank(), prior(), how)

    return start


@pytest.mark.parametrize("joint", [False, True])
def test_losses_are_those_of_the_papers(joint):
    torch.manual_seed(0)
    given = config(cycle_weight=7.0)
    net = SynthesisNet(given, joint)
    mask, image = as_signed(torch.rand(2, 1, 32, 32).round()), as_signed(torch.rand(2, 3, 32, 32))
    out = net(mask, image)
    losses = synthesis_losses(out, net.judges, mask, image, given)
    names = ["fool_image", "fool_mask", "cycle_image", "cycle_mask"]
    assert list(losses) == names + ["segment"] * joint
    again = net.to_image(net.to_mask(image))
    torch.testing.assert_close(losses["cycle_image"], 7 * (again - image).abs().mean())
    torch.testing.assert_close(losses["fool_mask"], squares_fool(net.judges["mask"](out["mask"])))
    if joint:
        scores = net.segment(as_photograph(out["image"])).double()
        truth = (mask > 0).double()
        p = scores.sigmoid()
        loop = -(truth * p.log() + (1 - truth) * (1 - p).log()).mean()
        # Batch normalisation saw the same batch twice; its output is the same.
        assert losses["segment"].item() == pytest.approx(loop.item(), rel=1e-4)
        (gradient,) = torch.autograd.grad(losses["segment"], next(net.to_image.parameters()))
        assert gradient.abs().sum() > 0


def test_the_translators_optimiser_has_all_but_the_judges_and_the_originals_betas(image_bank):
    from ldl.train.device import Feed

    net = SynthesisNet(config(segment_steps=0), joint=True)
    feed = Feed(image_bank().images, torch.device("cpu"))
    stage = SynthesisStage(config(segment_steps=0), 0, net, feed, list(range(16)), prior())
    (group,) = stage.trainable()
    assert group["betas"] == BETAS == (0.5, 0.999)
    held = {id(each) for each in net.judges.parameters()}
    listed = {id(each) for each in group["params"]}
    assert not held & listed
    assert held | listed == {id(each) for each in net.parameters()}
    sum(stage.losses(net).values()).backward()
    assert all(each.grad is None for each in net.judges.parameters())
    before = [each.clone() for each in net.judges.parameters()]
    stage.after_step(net, 1)
    assert any(not torch.equal(a, b) for a, b in zip(before, net.judges.parameters(), strict=True))


def test_a_pool_fills_then_gives_old_for_new_half_of_the_time():
    pool = ImagePool(4, generator(0, "pool"))
    first = torch.arange(4.0).view(4, 1, 1, 1)
    assert torch.equal(pool.swap(first), first)
    given = torch.cat([pool.swap(torch.full((1, 1, 1, 1), 10.0 + k)) for k in range(400)])
    old = (given.flatten() != torch.arange(10.0, 410.0)).float().mean()
    assert float(old) == pytest.approx(0.5, abs=0.1)
    assert len(pool.images) == 4
    empty = ImagePool(0, generator(0, "pool"))
    assert torch.equal(empty.swap(first), first)
    again = ImagePool(4, generator(0, "pool"))
    again.restore(pool.state(), torch.device("cpu"))
    assert all(torch.equal(a, b) for a, b in zip(again.images, pool.images, strict=True))


class Killed(BaseException):
    pass


@pytest.mark.parametrize("segment_steps", [2, 0])
def test_a_killed_run_goes_on_bit_for_bit(
    run, save_every_step, monkeypatch, tmp_path, segment_steps
):
    given = config(steps=5, segment_steps=segment_steps)
    whole = run("whole", given)
    after = SynthesisStage.after_step
    for number in (1, 4):

        def die(self, model, step, number=number):
            if step == number:
                raise Killed
            after(self, model, step)

        monkeypatch.setattr(SynthesisStage, "after_step", die)
        torch.rand(number)
        with pytest.raises(Killed):
            run("killed", given)
    monkeypatch.setattr(SynthesisStage, "after_step", after)
    rest = run("killed", given)
    assert same(rest.net, whole.net)
    assert torch.equal(rest.watch, whole.watch)
    one, two = (
        checkpoint.load(tmp_path / name / "synthesis" / "checkpoint.safetensors")[0]
        for name in ("whole", "killed")
    )
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert (whole.net.segment is None) == (segment_steps > 0)


class Dark(torch.nn.Module):
    """Clusters by brightness: the first region is what is dark, whatever the orientation."""

    def forward(self, image):
        level = image.mean(dim=1, keepdim=True)
        dark = (-4 * level).sigmoid()
        embedding = torch.cat([dark, 1 - dark], dim=1)
        return embedding / embedding.norm(dim=1, keepdim=True), torch.cat([dark, 1 - dark], dim=1)


def pictures(count=6):
    """Bright squares with a dark line."""
    images = np.full((count, 3, SIZE, SIZE), 200, np.uint8)
    for k in range(count):
        images[k, :, :, 6 + 3 * k : 9 + 3 * k] = 30
    return images


def labelled(**fields):
    from ldl.train.device import Feed

    return label_images(
        Dark(), Feed(pictures(), torch.device("cpu")), list(range(6)),
        config=known_to(**fields), augmentations=5, generator=generator(0, "labels"),
    )  # fmt: skip


def known_to(crop=SIZE, scale="whole", field="ignored"):
    """The parts of a guide's config that its labels hang on."""
    region = SimpleNamespace(crop=crop, scale=scale, region_temperature=0.2)
    return SimpleNamespace(region=region, field=field)


def test_pseudo_labels_come_back_into_register():
    found = labelled()
    truth = torch.from_numpy(pictures()[:, 0] < 100).float()
    assert torch.equal(found.images, torch.from_numpy(pictures()))
    assert torch.equal(found.labels, truth)
    assert found.doubt.shape == truth.shape
    assert 0 <= float(found.doubt.min()) <= float(found.doubt.max()) <= math.log(2) + 1e-6


def test_pseudo_labels_are_brought_to_the_crop_and_stay_inside_the_field():
    found = labelled(crop=16)
    assert found.images.shape == (6, 3, 16, 16)
    images = pictures()
    images[:, :, :10] = 0  # the camera sees nothing there, and Dark takes it for the target
    from ldl.train.device import Feed

    outside = label_images(
        Dark(), Feed(images, torch.device("cpu")), [0, 1], config=known_to(), augmentations=2,
        generator=generator(0, "labels"),
    )  # fmt: skip
    assert not outside.labels[:, :10].any()
    assert not outside.doubt[:, :10].any()


def test_a_guide_of_windows_labels_images_as_they_are():
    assert labelled(crop=16, scale="native").images.shape == (6, 3, SIZE, SIZE)


def test_pairs_of_windows_are_cut_from_larger_labels():
    pairs = PseudoPairs(labelled(), "even", 4, generator(0, "pairs"), crop=16)
    image, label, weight = pairs.draw()
    assert image.shape == (4, 3, 16, 16)
    assert label.shape == weight.shape == (4, 1, 16, 16)
    assert set(label.unique().tolist()) == {0.0, 1.0}


def test_pairs_weigh_nothing_outside_of_a_turned_image():
    pairs = PseudoPairs(labelled(), "even", 6, generator(0, "pairs"))
    images, labels, weights = pairs.draw()
    assert images.shape == (6, 3, SIZE, SIZE)
    assert labels.shape == weights.shape == (6, 1, SIZE, SIZE)
    assert set(labels.unique().tolist()) <= {0.0, 1.0}
    assert float(weights.min()) == 0
    inside = weights[:, 0] > 0.99
    assert (labels[:, 0][inside] == (images.mean(dim=1)[inside] < 0)).float().mean() > 0.95


def test_refinement_learns_what_it_is_told_and_resumes(fabric, tmp_path):
    def start(name):
        pairs = PseudoPairs(labelled(), "even", 4, generator(0, "pairs"))
        how = How(tmp_path / name, fabric)
        return train_target(pairs, Plan(40, 1e-2), run_of(config()), how, "data", base=2)

    net, history = start("one")
    losses = [row[0] for row in history.rows]
    assert np.mean(losses[-5:]) < 0.6 * np.mean(losses[:3])
    again, _ = start("two")
    assert same(net, again)


def test_synthetic_pairs_are_masks_and_their_translations():
    net = SynthesisNet(config(), joint=False)
    references = References(prior(), SIZE, generator(0, "r"), torch.device("cpu"))
    pairs = SyntheticPairs(net.to_image, references, 3)
    state = references.generator.get_state()
    image, label, weight = pairs.draw()
    references.generator.set_state(state)
    mask = references.draw(3)
    assert torch.equal(label, (mask > 0.5).float())
    torch.testing.assert_close(image, as_photograph(net.to_image(as_signed(mask))))
    assert (weight == 1).all()
    assert not image.requires_grad
