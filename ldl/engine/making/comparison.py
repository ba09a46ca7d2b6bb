"""Makes a pretraining by a comparison method."""

from typing import Any

import numpy as np

from ldl.data.grades import grades
from ldl.data.sources import pretraining_bank
from ldl.engine.making.made import How, Made, binned, curves, data_line
from ldl.methods import COMPARISONS
from ldl.metrics import far_enough, late_gain
from ldl.runs.pretrain import ComparisonConfig
from ldl.train import checkpoint
from ldl.train.comparison import Compared, pretrain_comparison


def make(run: ComparisonConfig, how: How) -> Made:
    """The encoder alone is kept, as ``encoder.*``: heads, queues and teachers did their work."""
    bank = pretraining_bank(run.data, run.modality)
    done = pretrain_comparison(
        run,
        bank,
        folder=how.folder,
        fabric=how.fabric,
        labels=grades(run.data, bank) if COMPARISONS[run.method].labels else None,
        identity=how.identity(bank.fingerprint),
        progress=how.progress,
    )
    return compared(run, done, data_line(bank))


def compared(run: ComparisonConfig, done: Compared, data: dict[str, Any]) -> Made:
    """What came out of a comparison method's training on ``data``."""
    method = COMPARISONS[run.method]
    totals = [sum(row) for row in done.history.rows]
    gain = late_gain(totals) if totals else 0.0
    fields = {
        "title": method.title,
        "images_seen": run.steps * run.batch if method.trains else 0,
        "losses": curves(done.history),
        "spread": binned(np.asarray(done.spread)),
        "retrieval": round(done.retrieval, 5),
        "retrieval_before": round(done.retrieval_before, 5),
        "retrieval_among": done.among,
        "late_gain": round(gain, 5),
    }
    fields["trained"] = far_enough({"config": run.model_dump(), **fields})
    encoder: Any = done.net.encoder
    weights = checkpoint.prefixed("encoder", encoder.state_dict())
    return Made(weights, data, done.history.seconds, fields)
