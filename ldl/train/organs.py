"""Fine-tuning on labelled volumes and scoring the test volumes (LRC sections 2.2 and 3)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ldl.data.colour import NORMALISATION
from ldl.data.ct import CtBank
from ldl.data.ct_sources import slice_bank
from ldl.errors import ConfigError
from ldl.models.organ_net import GlobalBranch, OrganNet, load_branch, parameters_by_part
from ldl.models.published import for_gray
from ldl.rng import seed_everything
from ldl.runs.lrc import OrganConfig
from ldl.runs.pretrain import ComparisonConfig
from ldl.train import checkpoint
from ldl.train.ct_global import data_of
from ldl.train.device import Fabric
from ldl.train.loop import History, Plan, fit
from ldl.train.made import How, Made, Weights, curves
from ldl.train.organ_picture import picture
from ldl.train.organ_scores import VolumeScore, score_volumes, segment
from ldl.train.organ_stage import OrganStage, VolumeFeed


@dataclass(frozen=True)
class Tuned:
    """A fine-tuned network and what it scores.

    Attributes:
        net: with the weights of its best step by the validation volumes.
        history: losses.
        validation: mean DSC of the validation volumes at every ``validate_every``-th step.
        best_step: the step whose weights were kept.
        volumes: the test volumes' scores, in the bank's order.
    """

    net: OrganNet
    history: History
    validation: list[float]
    best_step: int
    volumes: list[VolumeScore]


def organ_network(
    config: OrganConfig,
    bank: CtBank,
    encoder: dict[str, Tensor] | None,
    local: dict[str, Tensor] | None,
) -> OrganNet:
    """The network before fine-tuning; arguments as `finetune`.

    Raises:
        ConfigError: weights missing, not asked for, or of another network.
    """
    for name, given, asked in (
        ("encoder", encoder, config.encoder),
        ("local", local, config.local or config.second),
    ):
        if (given is None) != (asked is None):
            raise ConfigError(
                f"{config.run_id()}: weights for {name} are "
                f"{'missing' if given is None else 'given but not asked for'}"
            )
    seed_everything(config.seed, "initialise", "organs")
    organs, channels = len(bank.organs), bank.images.shape[1]
    net = OrganNet(
        config.backbone,
        config.base,
        organs,
        config.local_base,
        channels,
        config.features,
        config.border,
    )
    if encoder is not None and isinstance(net.whole, GlobalBranch):
        load_branch(net.whole.encoder, encoder, "encoder")
    if local is not None and net.local is not None:
        load_branch(net.local, local, "local")
    return net


def finetune(
    config: OrganConfig,
    bank: CtBank,
    *,
    folder: Path,
    fabric: Fabric,
    encoder: dict[str, Tensor] | None = None,
    local: dict[str, Tensor] | None = None,
    identity: dict[str, Any] | None = None,
    progress: bool = False,
) -> Tuned:
    """Train on the budget's volumes, choose by the validation volumes, score the test volumes.

    Args:
        config: what to train.
        bank: labelled slices; its volumes are split.
        folder: for the checkpoint.
        fabric: device and precision.
        encoder: weights of E_g where ``config.encoder`` is given.
        local: weights of the local branch, named as `ldl.models.local_unet.LocalUNet` names them,
            where ``config.local`` or ``config.second`` is given; the latter's lack a decoder.
        identity: further fields that a checkpoint must agree with.
        progress: show a progress bar.

    Raises:
        ConfigError: weights missing, not asked for, or of another network.
        DataError: no labels, an empty part, or a volume in two parts.
        TrainingError: see :func:`ldl.train.loop.fit`.
    """
    data = VolumeFeed(bank, config, fabric.device)
    net = organ_network(config, bank, encoder, local)
    net.to(memory_format=torch.channels_last).to(fabric.device)  # type: ignore[call-overload]
    stage = OrganStage(config, net, data)
    history = fit(
        stage,
        Plan(
            config.steps,
            config.learning_rate,
            config.halve_every,
            schedule=config.schedule,
            warmup=config.warmup,
        ),
        folder=folder,
        identity={"config": config.model_dump(mode="json"), **(identity or {})},
        fabric=fabric,
        title=config.run_id(),
        progress=progress,
    )
    net.load_state_dict(stage.best)
    net.eval()
    with fabric.autocast():
        predicted = segment(net, data.slices, data.test)
    volumes = score_volumes(bank, data.test, predicted)
    return Tuned(net, history, stage.validation, stage.best_step(), volumes)


def encoder_for(run: OrganConfig, weights: Weights | None) -> Weights | None:
    """The encoder's weights for CT's one channel."""
    if weights is None or run.encoder is None:
        return None
    found = checkpoint.under("encoder", weights)
    if isinstance(run.encoder, ComparisonConfig) and run.encoder.channels == 3:
        return for_gray(found, NORMALISATION[3], NORMALISATION[1])
    return found


def make_organs(run: OrganConfig, how: How) -> Made:
    """Fine-tuning, and the scores of every test volume and organ."""
    encoder = encoder_for(run, how.before(run.encoder))
    local = how.before(run.local or run.second)
    bank = slice_bank(run.data, progress=how.progress)
    done = finetune(
        run,
        bank,
        folder=how.folder,
        fabric=how.fabric,
        encoder=encoder,
        local=local,
        identity=how.identity(bank.fingerprint),
        progress=how.progress,
    )
    learned = [one.id for one in bank.part("train", run.budget)]
    fields = {
        "losses": curves(done.history),
        "organs": list(bank.organs),
        "volumes": [volume_fields(one) for one in done.volumes],
        "validation": [round(score, 6) for score in done.validation],
        "best_step": done.best_step,
        "parameters": parameters_by_part(done.net),
        "picture": picture(done.net, bank, bank.rows("test", run.test), how.fabric.device),
    }
    data = data_of(bank, learned=learned, spacing=list(bank.volumes[0].spacing))
    return Made(done.net.state_dict(), data, done.history.seconds, fields)


def volume_fields(one: VolumeScore) -> dict[str, Any]:
    """A volume's scores, organ by organ: DSC in 0..1, HD95 in mm; None without such an organ."""
    return {
        "id": one.id,
        "dsc": [None if o.dsc is None else round(o.dsc, 6) for o in one.organs],
        "hd95": [None if o.hd95 is None else round(o.hd95, 3) for o in one.organs],
    }
