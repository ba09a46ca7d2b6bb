"""Hours of all runs of profile `paper` on N devices like this one, a run on each.

    python -m benchmarks.many_devices --device cpu      # writes results/many_devices.json

Operations are counted, the device's rate is measured, and the planner hands each free device the
run that most others wait for. Reading data, validation and tests are left out.
"""

import argparse
import time
from collections.abc import Mapping
from typing import Any

from ldl import paths
from ldl.engine.execute import provenance
from ldl.engine.jobs import makespan
from ldl.engine.profiles import profile_named
from ldl.engine.runner import quiet_cpu
from ldl.engine.store import write_json
from ldl.runs.base import Run
from ldl.tables import runs_of
from ldl.train.device import fabric_for
from ldl.train.estimate import estimates, measured_rate

DEVICES = (1, 2, 4, 8, 16, 32, 64)


def planned(runs: Mapping[str, Run], rate: float) -> dict[str, Any]:
    """Hours of ``runs`` (ordered, by id) on N devices of ``rate`` flop a second, as JSON values.

    ``chain``: hours of the longest chain of runs that wait for each other.
    """
    costs = estimates(runs.values())
    hours = {run.run_id(): cost.flop / rate / 3600 if cost else 0.0 for run, cost in costs}
    return {
        "runs": len(runs),
        "flop": sum(cost.flop for _, cost in costs if cost),
        "rate": rate,
        "hours": {str(n): makespan(runs, hours, n) for n in DEVICES},
        "chain": makespan(runs, hours, len(runs)),
    }


def rate_of(device: str) -> float:
    """Flop a second of ``device``; of a CPU's core those of processor time, as it may be shared."""
    wall, busy = time.monotonic(), time.process_time()
    rate = measured_rate(device, seconds=10.0)
    if fabric_for(device).device.type != "cpu":
        return rate
    return rate * (time.monotonic() - wall) / (time.process_time() - busy)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="auto")
    device = parser.parse_args().device
    quiet_cpu()
    found = planned(runs_of("all", profile_named("paper")), rate_of(device))
    made = {"schema": 1, "provenance": provenance(fabric_for(device))}
    write_json(paths.results_dir() / "many_devices.json", made | found)


if __name__ == "__main__":
    main()
