"""Makes a run of shape-guided segmentation: a guided clustering, or an output with its scores."""

from ldl.data.sources import pretraining_bank
from ldl.engine.making.made import How, Made, curves, data_line
from ldl.runs.shape import GuideConfig, ShapeConfig
from ldl.train.shape import guiding, outputs, scoring


def make_guide(run: GuideConfig, how: How) -> Made:
    """Guided clustering, after its step 1."""
    start = how.before(run.step1)
    bank = pretraining_bank(run.data, run.region.modality)
    done = guiding.train(
        run,
        bank,
        start,
        folder=how.folder,
        fabric=how.fabric,
        identity=how.identity(bank.fingerprint),
        progress=how.progress,
    )
    fields = {"losses": curves(done.history), **guiding.fields(run, done, bank)}
    return Made(done.net.state_dict(), data_line(bank), done.history.seconds, fields)


def make(run: ShapeConfig, how: How) -> Made:
    """An output or a baseline, scored on every test set; some of them train nothing."""
    done = outputs.make(
        run,
        how.before(run.guide),
        folder=how.folder,
        fabric=how.fabric,
        identity=how.identity(""),
        progress=how.progress,
    )
    scores = scoring.scores(done.predict, run, how.fabric.device)
    losses = {name: curves(history) for name, history in done.histories.items()}
    fields = {"losses": losses, **done.extra, **scores}
    return Made(done.weights, scoring.data_fields(scores), done.seconds, fields)
