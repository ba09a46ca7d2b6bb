"""Makes a pretraining by one of LDL's methods."""

from ldl.data.sources import pretraining_bank
from ldl.engine.making.made import How, Made, curves, data_line
from ldl.methods import METHODS
from ldl.metrics import far_enough, late_gain
from ldl.runs.pretrain import PretrainConfig
from ldl.train.pretrain import pretrain


def make(run: PretrainConfig, how: How) -> Made:
    """Step 1 first, where there is one; all of the network is kept."""
    start = how.before(run.step1)
    bank = pretraining_bank(run.data, run.modality)
    done = pretrain(
        run,
        bank,
        folder=how.folder,
        fabric=how.fabric,
        start=start,
        identity=how.identity(bank.fingerprint),
        progress=how.progress,
    )
    fields = {
        "title": METHODS[run.method].title,
        "losses": curves(done.history),
        "retrieval": round(done.retrieval, 5),
        "retrieval_before": round(done.retrieval_before, 5),
        "retrieval_start": round(done.retrieval_start, 5),
        "retrieval_among": 2 * run.groups * run.patch_grid**2,
        "late_gain": round(late_gain([sum(row) for row in done.history.rows]), 5),
    }
    fields["trained"] = far_enough({"config": run.model_dump(), **fields})
    return Made(done.net.state_dict(), data_line(bank), done.history.seconds, fields)
