"""Whether a comparison method learns anything on phantoms: its encoder against its own start.

    python -m benchmarks.probe_methods                  # what is missing, then file and README
    python -m benchmarks.probe_methods --methods moco,simclr

`benchmarks.probing.asked` has each method's question. A method's seed is kept as soon as it ends,
so a run that was cut off goes on where it was. At the end `results/probe_methods.json` and the
table in `benchmarks/README.md` are written, with the methods whose seeds are all there.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.probing import findings as learned
from benchmarks.probing.asked import ASKED, SEEDS, STEPS, probed_config
from benchmarks.probing.learning import Lesson, lesson
from benchmarks.probing.phantom_questions import EYES, Eyes, draw_eyes
from benchmarks.probing.probes import Answers, gain_interval
from ldl import paths
from ldl.engine.execute import provenance
from ldl.engine.store import write_json
from ldl.train.device import fabric_for

STAGES = ("start", "measured", "trained")
README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- probe_methods: written by the script -->\n", "<!-- probe_methods: end -->\n"


def kept(method: str, seed: int) -> Path:
    """Where one seed of a method is kept until all are there."""
    version = "-".join(map(str, learned.version_of(method).values()))
    name = f"{method}-{STEPS}-s{seed}-v{version}.json"
    return paths.cache_dir() / "probe_methods" / name


def measure(method: str, seed: int, eyes: Eyes) -> dict[str, Any]:
    """One seed as JSON values."""
    began = time.process_time()
    done = lesson(method, seed, eyes)
    return {
        **{stage: _answers(getattr(done, stage)) for stage in STAGES},
        "losses": _losses(done),
        "seconds": time.process_time() - began,
        "provenance": provenance(fabric_for("cpu")),
    }


def _answers(answers: Answers) -> dict[str, list[float]]:
    return {"missed": answers.missed.tolist(), "total": answers.total.tolist()}


def _losses(done: Lesson) -> list[float]:
    parts = (done.losses[:10], done.losses[40:50], done.losses[-10:])
    return [float(np.mean(part)) for part in parts]


def whole() -> list[str]:
    """The methods whose seeds are all there."""
    return [m for m in ASKED if all(kept(m, seed).exists() for seed in SEEDS)]


def summary() -> dict[str, Any]:
    """All seeds of the whole methods as the file has them."""
    methods, sources = [], []
    for method in whole():
        question, _ = ASKED[method]
        runs = [json.loads(kept(method, seed).read_text()) for seed in SEEDS]
        sources += [run["provenance"] for run in runs]
        answers = {
            stage: [Answers(**{k: np.array(v) for k, v in run[stage].items()}) for run in runs]
            for stage in STAGES
        }
        interval = gain_interval(answers["start"], answers["trained"])
        methods.append(
            {
                "method": method,
                "question": question,
                **{stage: [_short(one.score) for one in answers[stage]] for stage in STAGES},
                "over_images": [_short(limit) for limit in interval],
                "losses": [[_short(value) for value in run["losses"]] for run in runs],
                "seconds": [round(run["seconds"]) for run in runs],
                "version": learned.version_of(method),
            }
        )
    sizes = {"schema": learned.SCHEMA, "seeds": SEEDS, "steps": STEPS, "eyes": EYES}
    return {**sizes, "methods": methods, "provenance": _together(sources)}


def _short(value: float) -> float:
    return round(value, 5)


def _together(sources: list[dict[str, Any]]) -> dict[str, Any]:
    sources = sorted(sources, key=lambda each: each["date"])
    same = {key: sources[0][key] for key in ("device", "threads", "python", "versions")}
    return {
        **same,
        "commits": [*dict.fromkeys(each["commit"] for each in sources)],
        "modified": any(each["modified"] for each in sources),
        "first": sources[0]["date"],
        "last": sources[-1]["date"],
    }


def write_readme() -> None:
    """The section of the README between its two marks."""
    found = learned.read()
    before, rest = README.read_text().split(BEGIN)
    after = rest.split(END)[1]
    README.write_text(before + BEGIN + (learned.markdown(found) if found else "") + END + after)


def main(arguments: list[str] | None = None) -> None:
    """Measure what is missing, and write when nothing is."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--methods", default=",".join(ASKED))
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    size = probed_config("moco", 0)
    eyes = None
    for seed in SEEDS:
        for method in options.methods.split(","):
            if not kept(method, seed).exists():
                eyes = eyes or draw_eyes(size=size.data.size, crop=size.crop)
                write_json(kept(method, seed), measure(method, seed, eyes))
                print(method, seed, "measured", flush=True)
    if whole():
        write_json(learned.path(), summary())
        write_readme()


if __name__ == "__main__":
    main()
