"""The guided clustering: whose weights move when, both rates, exact resume, and what is drawn."""

import numpy as np
import pytest
import torch

from ldl.config import DataConfig
from ldl.data.prepare import ShapePrior
from ldl.data.views import draw_views
from ldl.errors import DataError, TrainingError
from ldl.losses.adversarial import fool_loss, judge_loss
from ldl.methods import METHODS
from ldl.methods.guided import TARGET, GuidedNet, guided_losses
from ldl.models.discriminator import ShapeDiscriminator
from ldl.rng import generator
from ldl.runs.shape import GuideConfig
from ldl.train import checkpoint
from ldl.train.device import Feed
from ldl.train.guide import GuideStage, guide
from ldl.train.loop import Plan
from ldl.train.made import How
from ldl.train.opponent import Opponent
from ldl.train.references import References


def masks(count=4, size=32):
    """A vertical line in each, elsewhere."""
    found = np.zeros((count, 1, size, size), np.uint8)
    for k in range(count):
        found[k, 0, 4:-4, 8 + 3 * k : 10 + 3 * k] = 255
    return ShapePrior("lines", found, tuple(f"line-{k}" for k in range(count)), "lines")


@pytest.fixture
def config(pretrain_config):
    def make(region=None, **fields):
        chosen = pretrain_config("rd", **{"steps": 5, "halve_every": 2, **(region or {})})
        base = {"region": chosen, "prior": "dsa", "judge_base": 2, "judge_rate": 1e-3}
        return GuideConfig(**{**base, **fields})

    return make


@pytest.fixture
def run(image_bank, fabric, tmp_path, config):
    def start(name="run", given=None, prior=None, **more):
        how = How(tmp_path / name, fabric)
        return guide(given or config(), image_bank(), prior or masks(), how, **more)

    return start


def stage_of(config, bank):
    torch.manual_seed(0)
    net = GuidedNet(config)
    return GuideStage(config, net, Feed(bank.images, torch.device("cpu")), list(range(16)), masks())


def same(one, other):
    one, other = one.state_dict(), other.state_dict()
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


def test_losses_are_region_discriminations_and_the_adversarial_one(config, image_bank):
    given = config()
    net = GuidedNet(given)
    images = torch.from_numpy(image_bank().images[:4])
    views = draw_views(images, 32, "rotations", generator(0, "views"))
    losses, target = guided_losses(net, net.judge, views, given, generator(0, "mix"))
    plain = METHODS["rd"].losses(net.local, views, given.region, generator(0, "mix"))
    assert list(losses) == ["patch", "mixup", "region", "entropy", "adversarial"]
    for name, value in plain.items():
        torch.testing.assert_close(losses[name], value)
    assert target.shape == (8, 1, 32, 32)
    assert not target.requires_grad
    torch.testing.assert_close(losses["adversarial"], fool_loss(net.judge(target)))
    half = config(adversarial_weight=0.5)
    again, _ = guided_losses(net, net.judge, views, half, generator(0, "mix"))
    torch.testing.assert_close(again["adversarial"], losses["adversarial"] / 2)


def test_the_target_is_the_first_region_and_the_adversarial_gradient_reaches_it(config, image_bank):
    given = config()
    net = GuidedNet(given)
    images = torch.from_numpy(image_bank().images[:4])
    views = draw_views(images, 32, "rotations", generator(0, "views"))
    losses, target = guided_losses(net, net.judge, views, given, generator(0, "mix"))
    last = net.local.cluster[-1].weight
    (gradient,) = torch.autograd.grad(losses["adversarial"], last)
    assert gradient[TARGET].abs().sum() > 0
    assert 0 < float(target.mean()) < 1


def test_each_optimiser_moves_its_own_weights_only(config, image_bank):
    stage = stage_of(config(), image_bank())
    adam = torch.optim.Adam(stage.trainable(), lr=1e-2)
    before = {name: value.clone() for name, value in stage.net.state_dict().items()}

    def moved(part):
        now = stage.net.state_dict()
        names = [name for name, _ in stage.net.named_parameters() if name.startswith(part)]
        return [name for name in names if not torch.equal(now[name], before[name])]

    sum(stage.losses(stage.net).values()).backward()
    assert all(each.grad is None for each in stage.net.judge.parameters())
    adam.step()
    assert moved("local")
    assert not moved("judge")
    before = {name: value.clone() for name, value in stage.net.state_dict().items()}
    stage.after_step(stage.net, 1)
    assert moved("judge")
    assert not moved("local")
    assert not any(each.requires_grad for each in stage.net.judge.parameters())


def test_the_judges_step_is_adams_on_equation_31(config, image_bank):
    stage = stage_of(config(), image_bank())
    stage.losses(stage.net)
    judge = GuidedNet(config()).judge
    judge.load_state_dict(stage.net.judge.state_dict())
    state = stage.generator.get_state()
    reference = stage.references.draw(len(stage.target))
    stage.generator.set_state(state)
    adam = torch.optim.Adam(judge.parameters(), lr=1e-3)
    loss = judge_loss(judge(reference), judge(stage.target))
    loss.backward()
    adam.step()
    stage.after_step(stage.net, 1)
    assert same(judge, stage.net.judge)
    assert stage.watch[0][0] == pytest.approx(loss.item())
    assert stage.watch[0][3] == pytest.approx(float(stage.target.mean()))


def test_both_rates_are_halved(config, image_bank, run, monkeypatch):
    seen = []
    update = Opponent.update

    def watched(self, loss, step):
        update(self, loss, step)
        seen.append(self.adam.param_groups[0]["lr"])

    monkeypatch.setattr(Opponent, "update", watched)
    run()
    assert seen == pytest.approx([1e-3, 1e-3, 5e-4, 5e-4, 2.5e-4])


def test_references_are_turned_and_cropped_as_images_are():
    drawn = References(masks(), 32, generator(0, "r"), torch.device("cpu"))
    one, two = drawn.draw(6), drawn.draw(6)
    assert one.shape == (6, 1, 32, 32)
    assert not torch.equal(one, two)
    assert 0 <= float(one.min()) <= float(one.max()) <= 1
    # A line of two by twenty-four pixels keeps its area under turns; crops enlarge it a little.
    assert one.sum(dim=(1, 2, 3)).mean() == pytest.approx(48 * 1.05, rel=0.15)


class Killed(BaseException):
    pass


@pytest.mark.parametrize("judge", ["paper", "released"])
def test_a_killed_run_goes_on_bit_for_bit(
    run, config, save_every_step, monkeypatch, tmp_path, judge
):
    given = config(judge=judge, region={"steps": 6})
    whole = run("whole", given)
    after = GuideStage.after_step
    for number in (2, 5):

        def die(self, model, step, number=number):
            if step == number:
                raise Killed
            after(self, model, step)

        monkeypatch.setattr(GuideStage, "after_step", die)
        torch.rand(number)
        with pytest.raises(Killed):
            run("killed", given)
    monkeypatch.setattr(GuideStage, "after_step", after)
    rest = run("killed", given)
    assert same(rest.net, whole.net)
    assert rest.history.rows == whole.history.rows
    assert torch.equal(rest.watch, whole.watch)
    one, two = (
        checkpoint.load(tmp_path / name / "checkpoint.safetensors")[0]
        for name in ("whole", "killed")
    )
    assert one.keys() == two.keys()
    assert {name for name in one if name.startswith("stage.judge.")}
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_without_the_judges_moments_a_resumed_run_would_differ(
    run, config, save_every_step, monkeypatch
):
    given = config(region={"steps": 6}, judge_rate=1e-2)
    whole = run("whole", given)
    after = GuideStage.after_step

    def die(self, model, step):
        if step == 4:
            raise Killed
        after(self, model, step)

    monkeypatch.setattr(GuideStage, "after_step", die)
    with pytest.raises(Killed):
        run("killed", given)
    monkeypatch.setattr(GuideStage, "after_step", after)
    monkeypatch.setattr(Opponent, "restore", lambda self, state: None)
    assert not same(run("killed", given).net.judge, whole.net.judge)


def test_equal_seeds_give_equal_numbers_and_others_do_not(run, config):
    one = run("one")
    torch.rand(3)
    two = run("two")
    assert same(one.net, two.net)
    assert one.history.rows == two.history.rows
    other = run("other", config(region={"seed": 1}))
    assert other.history.rows != one.history.rows


def test_it_starts_from_step_one_with_a_new_branch(run, config):
    given = config(region={"steps": 1, "learning_rate": 1e-12}, judge_rate=1e-12)
    torch.manual_seed(5)
    start = METHODS["pd+mix"].network(given.region.step1).state_dict()
    done = run("run", given, start=start)
    found = done.net.local.state_dict()
    for name, value in start.items():
        if "running" not in name and "num_batches" not in name:
            torch.testing.assert_close(found[name], value)


def test_other_masks_and_other_configs_are_refused(run, config):
    run("run")
    with pytest.raises(TrainingError, match="judge_rate"):
        run("run", config(judge_rate=2e-3))
    other = masks(3)
    with pytest.raises(TrainingError, match="prior"):
        run("run", prior=ShapePrior("x", other.masks, other.ids, "others"))


def test_too_few_images_are_refused(config, image_bank, fabric, tmp_path):
    with pytest.raises(DataError, match="too few"):
        guide(config(), image_bank(count=6), masks(), How(tmp_path, fabric))


def test_a_judge_alone_learns_to_tell_lines_from_noise():
    torch.manual_seed(0)
    net = ShapeDiscriminator(4)
    drawn = References(masks(), 32, generator(0, "r"), torch.device("cpu"))
    opponent = Opponent(net, Plan(60, 1e-2))
    noise = torch.Generator().manual_seed(0)
    losses = []
    for step in range(60):
        made = (torch.rand(8, 1, 32, 32, generator=noise) < 0.05).float()
        with opponent.thawed():
            loss = judge_loss(net(drawn.draw(8)), net(made))
            opponent.update(loss, step)
        losses.append(loss.item())
    assert np.mean(losses[-10:]) < 0.4 * np.mean(losses[:5])


def test_the_data_config_is_the_regions(config):
    given = config()
    assert given.data == DataConfig(source="phantom", size=32)
    assert given.step1 == given.region.step1
