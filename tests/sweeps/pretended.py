"""Runs of a sweep that only pretend to train, so that sweeps can be tested in seconds; and a sweep that can be killed.

As a program: `pretended PLAN OUT SECONDS [CLUSTER]` sweeps such runs, each stage of which takes some time.
"""

from __future__ import annotations

import functools
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import xarray

from retinoscope.result import Result
from retinoscope.sweeps import member, sweep
from retinoscope.sweeps.plan import Member

PLAN: dict[str, Any] = {
    "training": {"frames": 1000},
    "grid": {"network.retinal_bottleneck": [1, 4], "seed": [0, 1]},
    "evaluate": {"episodes": 2},
}


def run(folder: Path, one: Member, seconds: float = 0.0) -> None:
    """As `run_member`, with stages that leave what the real ones leave, as far as the table needs it."""
    stages = {"train": _train, "evaluate": _evaluate}
    member._STAGES.update({name: _slowly(stage, seconds) for name, stage in stages.items()})
    member.run_member(folder, one)


def _slowly(stage: Any, seconds: float) -> Any:
    def done(folder: Path, one: Member) -> None:
        with (folder / "stages.txt").open("a") as stages:
            stages.write(f"{one.name}\n")
        time.sleep(seconds)
        stage(folder, one)

    return done


def _train(folder: Path, one: Member) -> None:
    if one.training.get("network", {}).get("rnn_size") == 0:  # refused; what says so takes seconds to load
        member.training_of(one)
    path = folder / "runs" / one.name
    path.mkdir(parents=True, exist_ok=True)
    with (folder / "began.txt").open("a") as began:
        began.write(f"{one.name}\n")
    if one.training.get("learning_rate") == 0.5:
        raise MemoryError("too much")
    if one.training.get("learning_rate") == 0.25:
        import os

        os._exit(7)
    (path / "learning_curve.csv").write_text("frames,seconds\n400,0.2\n1000,0.5\n")


def _evaluate(folder: Path, one: Member) -> None:
    """Numbers that depend on the seed, as everything does that is made of a trained agent."""
    (folder / "evaluations").mkdir(exist_ok=True)
    drawn = np.random.default_rng(one.training["seed"])
    places = ("policy", "episode")
    values = {name: (places, drawn.random((2, 2))) for name in ("duration", "episode_return", "gathered")}
    events = {"events": ((*places, "event"), drawn.integers(1, 9, (2, 2, 2)))}
    coordinates = {"policy": ["agent", "random"], "event": ["goal", "trap"], "valence": ("event", [1.0, -2.0])}
    words = json.dumps({"positive": "good", "negative": "bad"})
    data = xarray.Dataset(values | events, coordinates, {"words": words})
    Result("evaluation", data).save(folder / "evaluations" / f"{one.name}.nc")


def main(plan: str, out: str, seconds: str, cluster: str | None = None) -> None:
    sweep.run_member = functools.partial(run_slowly, float(seconds))
    where: dict[str, Any] = {"workers": 2} if cluster is None else {"cluster": cluster}
    print(sweep.sweep(plan, out, **where).rows)


def run_slowly(seconds: float, folder: Path, one: Member) -> None:
    from tests.sweeps import pretended  # this module by its name, which it has not as a program

    pretended.run(folder, one, seconds)


if __name__ == "__main__":
    main(*sys.argv[1:])
