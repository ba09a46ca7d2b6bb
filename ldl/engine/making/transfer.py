"""Makes a transfer: a downstream training and its test."""

from ldl.data.sources import task_bank
from ldl.engine.making.made import How, Made, curves
from ldl.runs.transfer import TransferConfig
from ldl.train import checkpoint
from ldl.train.transfer import transfer


def make(run: TransferConfig, how: How) -> Made:
    """The scores of every test image; it starts from the encoder's part of what is before it."""
    before = how.before(run.encoder)
    bank = task_bank(run.data, run.task)
    done = transfer(
        run,
        bank,
        folder=how.folder,
        fabric=how.fabric,
        encoder=None if before is None else checkpoint.under("encoder", before),
        identity=how.identity(bank.fingerprint),
        progress=how.progress,
    )
    counts = {split: bank.splits.count(split) for split in ("train", "validation", "test")}
    data = {"name": bank.name, "fingerprint": bank.fingerprint, **counts}
    fields = {
        "losses": {name: curves(history) for name, history in done.histories.items()},
        "updates": sum(len(history.rows) for history in done.histories.values()),
        "validation_loss": {name: round(v, 6) for name, v in done.validation.items()},
        "test_ids": done.test_ids,
        "dsc": [round(float(score), 6) for score in done.scores],
    }
    seconds = sum(history.seconds for history in done.histories.values())
    return Made(done.net.state_dict(), data, seconds, fields)
