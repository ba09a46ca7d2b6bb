"""Transfer in two phases: what is frozen, which epoch counts, exact resume."""

import itertools
import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from ldl.config import DataConfig
from ldl.data.colour import normalise, to_float
from ldl.errors import DataError, TrainingError
from ldl.losses import dice_loss
from ldl.metrics import dsc
from ldl.models import Encoder, SegmentationNet
from ldl.train import made
from ldl.train import transfer as module
from ldl.train.device import Feed
from ldl.train.loop import Plan, fit
from ldl.train.made import How
from ldl.train.transfer import (
    TaskFeed,
    TransferStage,
    classes_dice,
    phases,
    planes,
    predict,
    take_fraction,
    transfer,
    validation_loss,
)
from tests.train.resuming import alike, killed_and_resumed, twice


def encoder_weights(seed=3, channels=3):
    torch.manual_seed(seed)
    return Encoder(2, channels).state_dict()


def cloned(state):
    return {name: value.clone() for name, value in state.items()}


def changed(before, after):
    return {name for name in before if not torch.equal(before[name], after[name])}


@pytest.fixture
def run(transfer_config, task_bank, fabric, tmp_path):
    def start(name="run", bank=None, config=None, encoder=None, **options):
        return transfer(
            config or transfer_config(),
            bank or task_bank(),
            How(tmp_path / name, fabric),
            encoder=encoder,
            **options,
        )

    return start


def stage_of(config, bank, frozen):
    torch.manual_seed(0)
    net = SegmentationNet(2, 3)
    return TransferStage(config, net, TaskFeed(bank, 1.0, torch.device("cpu")), frozen)


def is_encoder(name):
    return name.startswith("encoder.")


def test_the_frozen_phase_leaves_weights_and_statistics_of_the_encoder_alone(
    transfer_config, task_bank, fabric, tmp_path
):
    stage = stage_of(transfer_config(), task_bank(), frozen=True)
    before = cloned(stage.net.state_dict())
    # Two epochs: the validation in between must not wake the encoder up.
    fit(stage, Plan(6, 1e-2), folder=tmp_path, identity={}, fabric=fabric)
    moved = changed(before, stage.net.state_dict())
    assert not {name for name in moved if is_encoder(name)}
    assert moved == {name for name in before if not is_encoder(name)}


def test_the_full_phase_moves_everything(transfer_config, task_bank, fabric, tmp_path):
    stage = stage_of(transfer_config(), task_bank(), frozen=False)
    before = cloned(stage.net.state_dict())
    fit(stage, Plan(4, 1e-2), folder=tmp_path, identity={}, fabric=fabric)
    assert changed(before, stage.net.state_dict()) == before.keys()


def test_after_a_frozen_phase_the_encoder_learns_again(transfer_config, task_bank):
    config, bank = transfer_config(), task_bank()
    frozen = stage_of(config, bank, frozen=True)
    assert not any(p.requires_grad for p in frozen.net.encoder.parameters())
    full = TransferStage(config, frozen.net, frozen.data, frozen=False)
    assert all(p.requires_grad for p in full.net.parameters())
    assert all(part.training for part in full.net.modules())
    (moved,) = full.trainable()
    assert len(moved["params"]) == len(list(full.net.parameters()))


def test_a_given_encoder_is_where_the_training_starts(run, monkeypatch):
    given, seen = encoder_weights(), []

    def no_fit(stage, plan, **_):
        seen.append(cloned(stage.net.encoder.state_dict()))
        stage.best_loss = torch.tensor(0.5)
        return made.History()

    monkeypatch.setattr(made, "fit", no_fit)
    run("with", encoder=given)
    run("without")
    assert alike(seen[0], given)
    assert not alike(seen[2], given)


def test_the_decoder_starts_alike_with_and_without_an_encoder(run, monkeypatch):
    seen = []

    def no_fit(stage, plan, **_):
        seen.append(cloned(stage.net.decoder.state_dict()))
        return made.History()

    monkeypatch.setattr(made, "fit", no_fit)
    run("with", encoder=encoder_weights())
    run("without")
    assert alike(seen[0], seen[2])


def prescribe(monkeypatch, losses):
    """Validation answers these losses, epoch by epoch; gives the weights after each epoch."""
    states, answers = [], iter(losses)

    def answer(net, data, batch):
        net = getattr(net, "module", net)
        states.append({k.removeprefix("_forward_module."): v for k, v in net.state_dict().items()})
        states[-1] = cloned(states[-1])
        return next(answers)

    monkeypatch.setattr(module, "validation_loss", answer)
    return states


@pytest.mark.parametrize(
    ("losses", "best"),
    [
        ([0.9, 0.3, 0.5, 0.4], 1),
        ([0.1, 0.3, 0.5, 0.4], 0),
        ([0.9, 0.8, 0.7, 0.6], 3),
        ([0.5, 0.5, 0.5, 0.5], 0),
        ([math.nan, 0.8, 0.7, math.nan], 2),
    ],
)
def test_the_best_epoch_by_validation_is_what_is_scored(
    run, transfer_config, task_bank, monkeypatch, losses, best
):
    states = prescribe(monkeypatch, losses)
    bank = task_bank()
    done = run(config=transfer_config(frozen_epochs=0, full_epochs=4), bank=bank)
    assert len(states) == 4
    assert alike(done.net.state_dict(), states[best])
    assert done.validation == {"full": losses[best]}
    net = SegmentationNet(2, 3)
    net.load_state_dict(states[best])
    net.eval()
    test = bank.rows("test")
    with torch.no_grad():
        answer = net(normalise(to_float(torch.from_numpy(bank.images[test]))))[:, 0] > 0.5
    np.testing.assert_array_equal(done.scores, dsc(answer.numpy(), bank.masks[test]))
    assert done.test_ids == [bank.ids[row] for row in test]


def test_each_phase_keeps_its_own_best_and_the_second_starts_from_the_firsts(
    run, transfer_config, monkeypatch
):
    # The frozen phase's best beats all of the full phase: it must not be what is scored.
    states = prescribe(monkeypatch, [0.1, 0.2, 0.9, 0.8])
    starts, make = [], TransferStage.__init__

    def watched(self, config, net, data, frozen):
        make(self, config, net, data, frozen)
        starts.append(cloned(net.state_dict()))

    monkeypatch.setattr(TransferStage, "__init__", watched)
    done = run(config=transfer_config(frozen_epochs=2, full_epochs=2))
    assert alike(starts[1], states[0])
    assert not alike(starts[1], states[1])
    assert alike(done.net.state_dict(), states[3])
    assert done.validation == {"frozen": 0.1, "full": 0.8}


def test_an_epoch_is_every_training_image_once_with_a_smaller_last_batch(
    transfer_config, task_bank, monkeypatch
):
    stage = stage_of(transfer_config(batch_size=2), task_bank(train=5), frozen=False)
    drawn, batch = [], stage.data.batch
    monkeypatch.setattr(
        stage.data, "batch", lambda rows: drawn.append(rows.tolist()) or batch(rows)
    )
    assert stage.steps_per_epoch == 3
    for _ in range(2):
        drawn.clear()
        for _ in range(3):
            stage.losses(stage.net)
        assert [len(rows) for rows in drawn] == [2, 2, 1]
        assert sorted(itertools.chain(*drawn)) == stage.data.train


def test_training_sees_neither_validation_nor_test_images(run, task_bank):
    bank, other = task_bank(), task_bank()
    held = bank.rows("test")
    other.images[held] = 255 - other.images[held]
    other.masks[held] = 1 - other.masks[held]
    one, two = run("one", bank), run("two", other)
    assert alike(one.net.state_dict(), two.net.state_dict())
    assert one.validation == two.validation
    assert not np.array_equal(one.scores, two.scores)
    other = task_bank()
    held = bank.rows("validation")
    other.masks[held] = 1 - other.masks[held]
    three = run("three", other)
    assert three.histories["frozen"].rows == one.histories["frozen"].rows
    assert three.validation != one.validation


def test_two_equal_runs_end_with_equal_bits_and_another_seed_does_not(
    run, transfer_config, tmp_path
):
    start = partial(run, encoder=encoder_weights())
    twice(start, tmp_path, config=transfer_config(seed=1))


def test_killed_runs_go_on_bit_for_bit_in_both_phases(run, save_every_step, monkeypatch, tmp_path):
    """Epochs have 3 steps; the kills hit the middle and the end of them, before validation."""
    start = partial(run, encoder=encoder_weights())
    frozen, full = {"frozen": True}, {"frozen": False}
    kills = [(2, frozen), (3, frozen), (5, frozen), (1, full), (6, full)]
    killed_and_resumed(monkeypatch, TransferStage, start, tmp_path, *kills)


def test_a_finished_run_gives_the_same_answer_without_training(run, monkeypatch):
    first = run("run")
    monkeypatch.setattr(
        TransferStage, "losses", lambda *_: pytest.fail("a finished phase was trained again")
    )
    again = run("run")
    np.testing.assert_array_equal(first.scores, again.scores)
    assert again.validation == first.validation


def test_another_config_is_refused_with_the_field(run, transfer_config):
    run("run")
    with pytest.raises(TrainingError, match=r"config\.learning_rate") as caught:
        run("run", config=transfer_config(learning_rate=0.01))
    assert "\n" not in str(caught.value)


def test_a_damaged_checkpoint_of_the_first_phase_is_named(run, tmp_path):
    run("run")
    path = tmp_path / "run" / "frozen" / "checkpoint.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(TrainingError, match="frozen") as caught:
        run("run")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_an_empty_split_is_named(run, task_bank, split):
    with pytest.raises(DataError, match=f"no {split} images"):
        run(bank=task_bank(**{split: 0}))


def test_validation_is_looked_at_every_so_many_epochs_and_at_the_end(
    run, transfer_config, monkeypatch
):
    looked = []
    real = module.validation_loss
    monkeypatch.setattr(module, "validation_loss", lambda *given: looked.append(1) or real(*given))
    run("often", config=transfer_config(frozen_epochs=0, full_epochs=5))
    assert len(looked) == 5
    looked.clear()
    run("seldom", config=transfer_config(frozen_epochs=0, full_epochs=5, validate_every=2))
    assert len(looked) == 3


def test_windows_are_trained_on_and_whole_images_are_scored(run, transfer_config, task_bank):
    bank = task_bank()
    large = replace(
        bank,
        images=bank.images.repeat(2, 2).repeat(2, 3),
        masks=bank.masks.repeat(2, 1).repeat(2, 2),
    )
    seen = []
    forward = SegmentationNet.forward
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            SegmentationNet,
            "forward",
            lambda net, image: seen.append((net.training, image.shape[-1])) or forward(net, image),
        )
        config = transfer_config(data=DataConfig(source="phantom", size=64), crop=32)
        done = run("run", bank=large, config=config)
    assert set(seen) == {(True, 32), (False, 64)}
    assert len(done.scores) == 3


def test_the_border_asked_for_is_built(run, transfer_config):
    net = run(config=transfer_config(border="replicate")).net
    assert {m.padding_mode for m in net.modules() if isinstance(m, torch.nn.Conv2d)} == {
        "replicate"
    }


def test_phases_of_no_epochs_are_left_out(transfer_config):
    assert phases(transfer_config()) == [("frozen", True), ("full", False)]
    assert phases(transfer_config(frozen_epochs=0)) == [("full", False)]


@pytest.mark.parametrize(
    ("fraction", "count"), [(1.0, 10), (0.8, 8), (0.2, 2), (0.05, 1), (0.25, 2), (0.35, 4)]
)
def test_a_fraction_takes_the_first_of_the_list_and_at_least_one(fraction, count):
    assert take_fraction(list(range(10, 20)), fraction) == list(range(10, 10 + count))


def test_a_label_fraction_leaves_the_test_images_alone(task_bank):
    data = TaskFeed(task_bank(validation=4, train=10, test=6), 0.5, torch.device("cpu"))
    assert [len(rows) for rows in (data.train, data.validation, data.test)] == [5, 2, 6]


def test_prediction_is_without_augmentation_in_eval_mode_in_the_order_of_the_rows(task_bank):
    torch.manual_seed(0)
    bank, net, modes = task_bank(), SegmentationNet(2, 3).train(), []
    net.register_forward_pre_hook(lambda *_: modes.append(net.training))
    feed = Feed(bank.images, torch.device("cpu"))
    together = predict(net, feed, [7, 2, 5], batch=2)
    assert together.shape == (3, 1, 32, 32)
    assert not together.requires_grad
    alone = torch.cat([predict(net, feed, [row], batch=1) for row in (7, 2, 5)])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)
    assert not any(modes)


def test_validation_loss_is_the_mean_dice_loss_over_batches(task_bank):
    torch.manual_seed(0)
    bank, net = task_bank(validation=3), SegmentationNet(2, 3)
    data = TaskFeed(bank, 1.0, torch.device("cpu"))
    probability = predict(net, data.images, [0, 1, 2], 3)
    masks = torch.from_numpy(bank.masks[:3])[:, None]
    expected = (dice_loss(probability[:2], masks[:2]) + dice_loss(probability[2:], masks[2:])) / 2
    assert validation_loss(net, data, 2) == pytest.approx(expected.item(), rel=1e-5)


def test_training_learns_bright_discs(run, transfer_config, task_bank):
    config = transfer_config(frozen_epochs=0, full_epochs=15, learning_rate=0.01, base=4)
    done = run(config=config, bank=task_bank(validation=2, train=8, test=4))
    rows = done.histories["full"].rows
    assert sum(row[0] for row in rows[-4:]) < 0.7 * sum(row[0] for row in rows[:4])
    assert done.scores.mean() > 0.5
    assert done.scores.shape == (4,)


def test_classes_are_bits_and_each_counts_alike():
    torch.manual_seed(0)
    truth = torch.rand(2, 3, 8, 8) > 0.6  # the classes overlap
    bits = (truth * torch.tensor([1, 2, 4]).view(1, 3, 1, 1)).sum(1, keepdim=True).float()
    torch.testing.assert_close(planes(bits, 3), truth.float())
    guess = torch.rand(2, 3, 8, 8)
    alone = [dice_loss(guess[:, k], truth[:, k]) for k in range(3)]
    torch.testing.assert_close(classes_dice(guess, bits), sum(alone) / 3)
