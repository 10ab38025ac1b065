"""Figures of behaviour show the numbers of their Results."""

from __future__ import annotations

import numpy as np
import pytest
import xarray
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from retinoscope.analyses.behaviour.burn_in import burn_in as measure_burn_in
from retinoscope.analyses.behaviour.event_triggered import event_triggered as measure_events
from retinoscope.errors import UserError
from retinoscope.figures.burn_in import burn_in
from retinoscope.figures.event_triggered import event_triggered, event_triggered_claims, event_triggered_units
from retinoscope.figures.training_progress import training_progress
from retinoscope.result import Result
from tests.oracles_events import BEFORE, BOTH, planted_episodes
from tests.planted_recordings import leaking_agent, recording_of, recording_of_agent


@pytest.fixture(scope="module")
def events() -> Result:
    settings = {"seconds": 1.0, "tested_seconds": 0.6, "isolation_seconds": 0.0, "shuffles": 60, "resamples": 30}
    return measure_events(recording_of(planted_episodes(episodes=10)), burn_in_steps=0, **settings)


def texts(figure: Figure) -> str:
    figure.canvas.draw()
    found = [text.get_text() for axes in figure.axes for text in [*axes.texts, axes.xaxis.label]]
    legends = [each.get_text() for axes in figure.axes if axes.get_legend() for each in axes.get_legend().get_texts()]
    return " | ".join([*found, *legends])


def test_the_burn_in_is_drawn_where_it_is():
    agent = leaking_agent(0.7)
    result = measure_burn_in(recording_of_agent(agent, episodes=4, rows=80), agent=agent)
    figure = burn_in(result)
    axes = figure.axes[0]
    median, distance = (result.data[name].values for name in ("typical", "distance"))
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), median)
    band = axes.collections[0].get_paths()[0].vertices
    assert band[:, 1].max() == pytest.approx(distance.max())
    assert axes.lines[-1].get_xdata()[0] == int(result.data["steps"])
    assert f"burn-in: {int(result.data['steps'])} decisions" in texts(figure) and axes.get_yscale() == "log"
    alone = burn_in(measure_burn_in(recording_of_agent(agent, episodes=9, rows=90)))
    assert "by chance" in texts(alone)


def test_the_legend_of_a_burn_in_that_was_not_reached_covers_nothing():
    distance = np.geomspace(0.8, 0.06, 150)
    data = xarray.Dataset(
        {"distance": ("step", distance), "typical": ("step", distance / 4)}
        | {name: ((), value) for name, value in (("threshold", 0.05), ("steps", 150), ("settled", False))}
        | {"steps_low": ((), 90.0), "steps_high": ((), 150.0)},
        coords={"step": np.arange(150)},
        attrs={"seconds_per_decision": 1.0, "clock_units": "decisions"},
    )
    result = Result("burn_in", data, {"method": "forgetting", "share": 0.95}, {"agent": "planted"})
    figure = burn_in(result)
    FigureCanvasAgg(figure).draw()
    axes = figure.axes[0]
    legend = axes.get_legend().get_window_extent()
    assert legend.y0 >= axes.get_window_extent().y1
    assert legend.x1 <= figure.bbox.x1 and legend.y1 <= figure.bbox.y1


def test_all_units_are_drawn_sorted_and_centred_on_zero(events):
    figure = event_triggered(events)
    image = figure.axes[0].images[0]
    low, high = image.get_clim()
    assert low == -high
    shown = np.asarray(image.get_array())
    assert shown.shape == (10, 20)
    data = events.data.sel(kind="healing")
    order = np.argsort(-np.nan_to_num(data["fc_score"].sel(side="before").values))
    assert set(order[:2]) == {BEFORE, BOTH}
    deviation = (data["fc_shuffled_high"] - data["fc_shuffled_low"]).values / 3.92
    expected = (data["fc_mean"].values - data["fc_shuffled_mean"].values) / np.where(deviation > 0, deviation, np.inf)
    np.testing.assert_allclose(shown, expected.T[order], atol=1e-4)
    marks = [line for line in figure.axes[0].lines if line.get_marker() == "_"]
    locked = data["fc_p"].values[:, order] <= 0.05
    assert [line.get_ydata().tolist() for line in marks] == [np.flatnonzero(side).tolist() for side in locked]
    assert "n = " in figure.axes[0].get_ylabel()


def test_the_units_shown_are_those_farthest_from_chance(events):
    figure = event_triggered_units(events)
    titles = [axes.get_title("left") for axes in figure.axes]
    assert {f"fc {BEFORE}", f"fc {BOTH}"} <= set(titles[:2])
    line = figure.axes[0].lines[0]
    unit = int(titles[0].split()[1])
    np.testing.assert_array_equal(line.get_ydata(), events.data["fc_mean"].sel(kind="healing").values[:, unit])
    with pytest.raises(UserError, match="'conv9'"):
        event_triggered_units(events, "conv9")


def test_the_claims_show_shares_and_predictions(events):
    figure = event_triggered_claims(events)
    heights = [patch.get_height() for patch in figure.axes[0].patches]
    data = events.data.sel(kind="healing", layer="fc")
    assert heights == pytest.approx([float(data["rising_before"]), float(data["rising_only_after"])])
    lines = [line for line in figure.axes[1].lines if line.get_marker() in ("o", "s", "^")]
    np.testing.assert_array_equal(lines[0].get_ydata(), events.data["auc"].values[0])
    assert "PC1 of fc" in texts(figure) and "shuffled" in texts(figure)


def test_progress_is_drawn_against_frames_trained():
    frames = np.array([0, 1000, 50_000])
    names = (
        "positive",
        "negative",
        "terminated",
        "participation_fc",
        "participation_rnn",
        "sparseness",
        "rising_before",
    )
    values = {name: np.arange(3) + number for number, name in enumerate((*names, "pc1_auc"))}
    values["rising_before"] = np.array([np.nan, 0.2, 0.4])
    variables = {f"{name}{end}": ("checkpoint", each) for name, each in values.items() for end in ("", "_low", "_high")}
    variables = {name: ("checkpoint", each, {"label": name, "axis": name}) for name, (_, each) in variables.items()}
    drift = np.array([[0.1, 0.3, 0.5], [0.2, 0.4, 0.9], [1.0, 1.0, 1.0]])
    variables |= {"conv1_with_last": (("checkpoint", "conv1_unit"), drift), "conv1_by_chance": ((), 0.15)}
    previous = drift.copy()
    previous[0] = np.nan
    variables["conv1_with_previous"] = (("checkpoint", "conv1_unit"), previous)
    data = xarray.Dataset(variables, coords={"frames_trained": ("checkpoint", frames)})
    figure = training_progress(Result("training_progress", data, {"convolutions": ["conv1"]}))
    FigureCanvasAgg(figure).draw()
    np.testing.assert_allclose(figure.axes[0].lines[0].get_ydata(), [0.3, 0.4, 1.0])
    np.testing.assert_array_equal(figure.axes[1].lines[0].get_xdata(), frames[1:])
    rising = [line for line in figure.axes[4].lines if len(line.get_xdata()) == 2]
    np.testing.assert_array_equal(rising[0].get_ydata(), [0.2, 0.4])
    for axes in figure.axes[2:]:
        highest = max(bar.vertices[:, 1].max() for each in axes.collections for bar in each.get_paths())
        assert axes.get_legend().get_window_extent().y0 > axes.transData.transform((1, highest))[1]


def test_other_results_are_refused():
    other = Result("raster", xarray.Dataset())
    for draw in (burn_in, event_triggered, event_triggered_units, event_triggered_claims, training_progress):
        with pytest.raises(UserError, match="'raster'"):
            draw(other)
