# ---
# jupyter:
#   jupytext:
#     formats: py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # The family of methods
#
# LDL and LRC are compared with methods that ask for the same thing at another level. Most show a network an image twice and ask for what is the same: whole images (InstDisc {cite}`wu2018instdisc`, EmbInva {cite}`ye2019embinva`,
# MoCo {cite}`he2020moco,chen2020mocov2`, SimCLR {cite}`chen2020simclr`, RotOri {cite}`li2021rotori`), pixels (DenseCL {cite}`wang2021densecl`), patches and regions (LDL {cite}`chen2021ldl`, LRC {cite}`yan2023lrc`). BYOL
# {cite}`grill2020byol` and SimSiam {cite}`chen2021simsiam` predict one view from the other; Relative Loc {cite}`doersch2015relative` and Rotation Pred {cite}`gidaris2018rotation` solve a puzzle; Models Genesis
# {cite}`zhou2019genesis` and MAE {cite}`he2022mae` restore what was spoilt or hidden; Supervised learns a grade {cite}`eyepacs2015`, ImageNet the names of photographs {cite}`russakovsky2015imagenet`.
#
# Each is one file below `ldl/methods/`; only its encoder is transferred. The table is read from the classes.

# %% tags=["parameters", "remove-input"]
profile: str = "demo"

# %% tags=["remove-input"]
import inspect
import json

import numpy as np
from IPython.display import Markdown, display

from ldl import paths, plots
from ldl.book.parameters import check
from ldl.methods import METHODS
from ldl.report import signed
from ldl.tables.encoders import config_of

check("method_family", globals())


# %% tags=["remove-input"]
def text(value):
    """A knob's value as a reader writes it."""
    return f"{value:,}" if isinstance(value, int) else str(value)


def changed(key):
    """Knobs that are not the original's: its value, and ours under the profile `open`."""
    method = METHODS[key]
    original, ours = method.Knobs(), method.knobs(config_of(key, "fundus", "open"))
    both = {
        knob: [text(getattr(one, knob)) for one in (original, ours)]
        for knob in type(original).model_fields
    }
    return ", ".join(
        f"{knob} {one} → {other}" for knob, (one, other) in both.items() if one != other
    )


lines = []
for key, method in sorted(METHODS.items(), key=lambda one: not one[1].compared):
    idea = method.idea or (inspect.getdoc(type(method)) or "").splitlines()[0].replace("``", "")
    lines.append(
        {
            "method": f"{method.title}<br><small>{type(method).__module__.rsplit('.', 1)[1]}.py</small>",
            "compares": method.level,
            "what it does": idea,
            "not the original's": changed(key) if method.compared and method.trains else "",
        }
    )
plots.small_table(
    lines,
    wraps=True,
    caption="What each method does, and the hyperparameters that small images and batches made us change (original → profile open); the reasons stand beside them in <code>ldl/runs/pretrain.py</code>.",
)

# %% [markdown]
# ## Does each method learn something?
#
# On phantoms each was asked one question after what it claims to learn, before its first step and after its last. A method that beats its own start has learnt something; how the methods compare does not follow, since they are asked
# different things.
#
# ```{admonition} We do
# :class: tip ours
# The questions were written down with their reasons before the seeds that count were run (`benchmarks/probing/asked.py`); `python -m benchmarks.probe_methods` measures. *Which eye*: which of sixteen eyes another view shows, by the nearest
# neighbour (chance 0.06). The others are linear regressions on the frozen encoder, as the share of the variance explained: where the disc of a turned eye is, where in its eye a patch is from, the grade of lesions, the colours of a spoilt image.
# ```

# %% tags=["remove-input"]
QUESTIONS = {
    "eye": "which eye",
    "disc": "where the disc is",
    "place": "where a patch is from",
    "grade": "which grade",
    "clean": "what was there",
}
file = paths.results_dir() / "probe_methods.json"
found = json.loads(file.read_text()) if file.exists() else {"methods": []}
lines, sure = [], []
for one in found["methods"]:
    gains = np.array(one["trained"]) - np.array(one["start"])
    low, high = one["over_images"]
    sure += [METHODS[one["method"]].title] if gains.min() > 0 and low > 0 else []
    lines.append(
        {
            "method": METHODS[one["method"]].title,
            "asked": QUESTIONS[one["question"]],
            "start → trained": f"{np.mean(one['start']):.3f} → {np.mean(one['trained']):.3f}",
            "gain": f"{signed(gains.mean(), 3)}<br><small>{signed(low, 3)} to {signed(high, 3)}</small>",
            "by seed": ", ".join(signed(gain, 3) for gain in gains),
        }
    )
if lines:
    display(
        plots.small_table(
            lines,
            wraps=True,
            caption=f"{found['steps']} steps on phantoms, seeds {', '.join(map(str, found['seeds']))}, {found['eyes']} eyes that no training has seen; 95 % bootstrap interval of the mean gain over eyes. No evidence about the papers.",
        )
    )
    told = f"{len(sure)} of {len(lines)} gain in every seed with an interval over eyes above 0: {', '.join(sure)}."
else:
    told = "Not measured here: `python -m benchmarks.probe_methods` takes about a quarter of an hour on one core."
Markdown(told)
