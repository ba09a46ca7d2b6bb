"""Makes a one-shot localization."""

import time

from ldl.engine.making.made import How, Made, data_line
from ldl.localize import search
from ldl.runs.localize import LocalizeConfig


def make(run: LocalizeConfig, how: How) -> Made:
    """The answers of every support image; nothing is trained."""
    weights = how.before(run.encoder)
    start = time.monotonic()
    found = search.search(run, weights, how.fabric.device, progress=how.progress)
    seconds = time.monotonic() - start
    return Made(None, data_line(found.bank), seconds, search.fields(found))
