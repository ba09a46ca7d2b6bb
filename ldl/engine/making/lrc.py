"""Makes a run of LRC: the global encoder, the local branch, or fine-tuning."""

from typing import Any

import numpy as np

from ldl.data.colour import NORMALISATION
from ldl.data.ct import CtBank
from ldl.data.ct_sources import joined, region_maps, slice_bank
from ldl.engine.making.comparison import compared
from ldl.engine.making.made import How, Made, Weights, curves
from ldl.models.organ_net import parameters_by_part
from ldl.models.published import for_gray
from ldl.runs.lrc import GlobalConfig, LocalRegionConfig, OrganConfig
from ldl.runs.pretrain import ComparisonConfig
from ldl.train import checkpoint
from ldl.train.ct_global import pretrain_global
from ldl.train.local_region import pretrain_local
from ldl.train.organ_picture import picture
from ldl.train.organ_scores import VolumeScore
from ldl.train.organs import finetune


def _data(bank: CtBank, **more: object) -> dict[str, Any]:
    return {
        "name": bank.name,
        "fingerprint": bank.fingerprint,
        "slices": len(bank.images),
        "volumes": {part: len(bank.part(part)) for part in ("train", "validation", "test")},
        "left_out": len(bank.left_out),
        "note": bank.note,
        **more,
    }


def _bank(run: GlobalConfig | LocalRegionConfig, how: How) -> CtBank:
    """What a pretraining sees: its set, and more sets where the run names them."""
    return joined([slice_bank(one, progress=how.progress) for one in (run.data, *run.more)])


def make_global(run: GlobalConfig, how: How) -> Made:
    """E_g's pretraining; the weights are the encoder's, named ``encoder.*``."""
    bank = _bank(run, how)
    done = pretrain_global(
        run,
        bank,
        folder=how.folder,
        fabric=how.fabric,
        identity=how.identity(bank.fingerprint),
        progress=how.progress,
    )
    return compared(run, done, _data(bank))


def make_local(run: LocalRegionConfig, how: How) -> Made:
    """The local branch's pretraining; the weights are those of E_l and D_l."""
    bank = _bank(run, how)
    maps = region_maps(bank, run.superpixels, workers=1, progress=how.progress)
    done = pretrain_local(
        run,
        bank,
        maps,
        folder=how.folder,
        fabric=how.fabric,
        identity=how.identity(bank.fingerprint),
        progress=how.progress,
    )
    counts = [int(one.max()) + 1 for one in np.asarray(maps.regions)]
    superpixels = {
        "fingerprint": maps.fingerprint,
        "seconds_per_slice": round(maps.seconds_per_slice, 6),
        "regions_per_slice": round(float(np.mean(counts)), 2),
    }
    fields = {
        "losses": curves(done.history),
        "retrieval": round(done.retrieval, 5),
        "retrieval_before": round(done.retrieval_before, 5),
        "retrieval_among": done.among,
        "parameters": sum(p.numel() for p in done.net.parameters()),
    }
    data = _data(bank, superpixels=superpixels)
    return Made(done.net.state_dict(), data, done.history.seconds, fields)


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
    data = _data(bank, learned=learned, spacing=list(bank.volumes[0].spacing))
    return Made(done.net.state_dict(), data, done.history.seconds, fields)


def volume_fields(one: VolumeScore) -> dict[str, Any]:
    """A volume's scores, organ by organ: DSC in 0..1, HD95 in mm; None without such an organ."""
    return {
        "id": one.id,
        "dsc": [None if o.dsc is None else round(o.dsc, 6) for o in one.organs],
        "hd95": [None if o.hd95 is None else round(o.hd95, 3) for o in one.organs],
    }
