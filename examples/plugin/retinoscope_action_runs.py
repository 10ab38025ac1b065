"""For how long an agent keeps to the same action: an analysis of another package, in one file."""

import numpy as np
import xarray
from matplotlib.figure import Figure

from retinoscope.analyses.declaration import RECORDING, Analysis
from retinoscope.analyses.drawing import FigureDrawing
from retinoscope.result import Result, provenance
from retinoscope.settings import parameters, setting, stated, with_settings


@parameters("action runs")
class ActionRunsParameters:
    """Parameters of `action_runs`."""

    longest: int = setting(20, "longer runs are counted as this long", units="decisions", least=2)


def action_runs(recording, *, parameters=None, **settings):
    """Count runs of the same action, within episodes; `runs` (length), and `length` in decisions."""
    chosen = with_settings(parameters or ActionRunsParameters(), settings)
    counts = np.zeros(chosen.longest, int)
    for episode in recording.episodes:
        actions = recording.rows(episode.start, episode.stop, ["action"])["action"].values
        changes = np.flatnonzero((actions[1:] != actions[:-1]).any(axis=1)) + 1
        lengths = np.diff([0, *changes, len(actions)])
        counts += np.bincount(np.minimum(lengths, chosen.longest), minlength=chosen.longest + 1)[1:]
    data = xarray.Dataset(
        {"runs": ("length", counts, {"units": "runs"})},
        coords={"length": ("length", np.arange(1, chosen.longest + 1), {"units": "decisions"})},
        attrs={"caption": f"n = {counts.sum():,} runs in {len(recording.episodes)} episodes; last bar: longer too."},
    )
    return Result("action_runs", data, stated(chosen), provenance(recording=recording))


def action_runs_figure(result):
    """Bars of how many runs there are of each length."""
    figure = Figure(figsize=(5, 3), layout="constrained")
    axes = figure.subplots()
    axes.bar(result.data["length"], result.data["runs"])
    axes.set(xlabel="length of the run (decisions)", ylabel="runs", yscale="log")
    return figure


ANALYSIS = Analysis(
    name="action_runs",
    title="Runs of actions",
    group="behaviour",
    summary="For how long the agent keeps to the same action.",
    run=action_runs,
    parameters=ActionRunsParameters,
    of="recording",
    needs=(RECORDING,),
    draw=lambda result: [
        FigureDrawing("action_runs", "Runs", result.data.attrs["caption"], lambda: action_runs_figure(result))
    ],
)
