"""Overlays, contact sheets and movies show what the Result holds."""

from __future__ import annotations

import numpy as np
import pytest
import xarray
from matplotlib.figure import Figure

from retinoscope.errors import UserError
from retinoscope.figures import canvas
from retinoscope.figures.attribution_checks import attribution_checks
from retinoscope.figures.contact_sheet import contact_sheet
from retinoscope.figures.episode_attribution import (
    attribution_frames,
    attribution_lags,
    attribution_through_time,
    episode_attribution,
)
from retinoscope.figures.overlay import colour_bar, faded, overlay
from retinoscope.result import Result
from tests.figures.behaviour_results import faults_of

TARGETS = ("value", "probability:move forward")


def planted(decisions: int = 9, size: tuple[int, int] = (20, 30), name: str = "episode_attribution") -> Result:
    random = np.random.default_rng(0)
    maps = random.normal(size=(2, decisions, *size)).astype(np.float32)
    lags = np.array([[0.6, 0.55, 0.65], [0.3, 0.2, 0.4], [0.1, 0.05, 0.15]])
    data = xarray.Dataset(
        {
            "observation": (
                ("time", "height", "width", "channel"),
                random.integers(0, 256, (decisions, *size, 3), dtype=np.uint8),
            ),
            "map": (("target", "time", "height", "width"), maps, {"units": "{}"}),
            "answer": (("target", "time"), random.normal(size=(2, decisions)).astype(np.float32)),
            "scale": ("target", np.array([2.0, 3.0], np.float32)),
            "target_units": ("target", ["return", "probability"]),
            "passed": ("target", [True, False]),
            "lag_share": (("target", "lag", "statistic"), np.stack([lags, lags])),
            "lag_map": (("lag", "height", "width"), maps[0, :3]),
            "lag_observation": (
                ("lag", "height", "width", "channel"),
                random.integers(0, 256, (3, *size, 3), dtype=np.uint8),
            ),
        },
        coords={"target": list(TARGETS), "step": ("time", np.arange(decisions) + 4), "lag": np.arange(3)}
        | {"statistic": ["estimate", "low", "high"]},
        attrs={
            "caption": "How it was made.",
            "method": "integrated_gradients",
            "decisions_per_second": 8.75,
            "lag_example": 5,
            "lag_times": 12,
            "lag_stretches": 3,
            "lag_steps": 2,
        }
        | {f"badge {target}": f"Badge of {target}." for target in TARGETS}
        | {f"gradient badge {target}": f"Badge of the gradient of {target}." for target in TARGETS},
    )
    return Result(name, data, {}, {"agent": "planted"})


def text_of(figure: Figure) -> str:
    texts = [text.get_text() for axes in figure.axes for text in axes.texts]
    return " ".join(" ".join([*texts, *(text.get_text() for text in figure.texts)]).split())


def test_where_the_map_is_zero_the_grey_frame_shines_through():
    observation = np.random.default_rng(1).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    np.testing.assert_array_equal(overlay(observation, np.zeros((5, 6)), 1.0), faded(observation))
    np.testing.assert_array_equal(overlay(observation, np.ones((5, 6)), 0.0), faded(observation))


def test_colours_are_symmetric_about_zero_grow_with_the_map_and_clip_at_the_scale():
    grey = np.full((1, 7, 3), 128, np.uint8)
    found = overlay(grey, np.array([[-9.0, -2.0, -1.0, 0.0, 1.0, 2.0, 9.0]]), 2.0)[0].astype(int)
    red, blue = found[:, 0], found[:, 2]
    assert red[5] > blue[5] + 80 and blue[1] > red[1] + 80
    np.testing.assert_array_equal(found[[0, 6]], found[[1, 5]])
    away = np.abs(found - found[3]).sum(axis=1)
    assert away[5] > away[4] > 0 and away[1] > away[2] > 0
    assert colour_bar(7, 2).shape == (2, 7, 3)


def test_a_movie_has_one_frame_per_decision_with_what_was_seen_and_its_overlay_at_one_scale():
    result = planted()
    frames = list(attribution_frames(result, "probability:move forward"))
    assert len(frames) == 9
    assert {frame.shape for frame in frames} == {frames[0].shape}
    assert frames[0].shape[0] % 2 == frames[0].shape[1] % 2 == 0 and frames[0].dtype == np.uint8
    for time, frame in enumerate(frames):
        seen = result.data["observation"].values[time]
        view = canvas.enlarge(seen, 16)
        np.testing.assert_array_equal(frame[82 : 82 + 320, 20 : 20 + 480], view)
        covered = overlay(seen, result.data["map"].values[1, time], 3.0)
        np.testing.assert_array_equal(frame[82 : 82 + 320, 516 : 516 + 480], canvas.enlarge(covered, 16))
    assert (frames[0] != frames[5]).any()


def test_a_sheet_gives_each_frame_its_own_scale_and_carries_the_badge():
    result = planted()
    figure = episode_attribution(result, "probability:move forward")
    said = text_of(figure)
    assert "What moves the probability of move forward" in said and "Badge of probability:move forward." in said
    maps = result.data["map"].values[1]
    for time in np.arange(8) * 9 // 8:
        assert f"+{np.abs(maps[time]).max():.2g}" in said
        assert f"decision {time + 5}:" in said


def test_sheets_are_drawn_for_any_frames_and_refused_for_none():
    frames = np.zeros((2, 10, 10, 1), np.uint8)
    figure = contact_sheet(frames, np.ones((2, 10, 10, 1)), ["a", "b"], "Title", "Caption.", "return")
    assert "its largest absolute value (return)." in text_of(figure)
    with pytest.raises(UserError, match="do not belong together"):
        contact_sheet(frames, np.ones((2, 10, 9)), ["a", "b"], "", "", "")
    with pytest.raises(UserError, match="do not belong together"):
        contact_sheet(frames[:0], np.ones((0, 10, 10)), [], "", "", "")


def test_the_past_is_drawn_with_its_truncation():
    result = planted()
    said = text_of(attribution_through_time(result))
    assert "now" in said and "1 decision before" in said and "2 decisions before" in said
    assert "followed for 2 steps" in said and "Badge of the gradient of value." in said
    (axes,) = attribution_lags(result).axes
    for container in axes.containers:
        np.testing.assert_allclose(container[0].get_ydata(), (60, 30, 10))
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("decisions before", "share of the absolute gradient (%)")


def test_results_of_earlier_versions_are_drawn_under_their_old_name():
    for draw in (episode_attribution, attribution_through_time, attribution_lags):
        assert faults_of(draw(planted(size=(12, 16), name="attribution"))) == []
    assert next(attribution_frames(planted(name="attribution"))).dtype == np.uint8


def test_frames_of_a_sheet_stand_upright_above_their_maps():
    sheet = episode_attribution(planted()).axes[0]
    seen, covered = (image.get_extent() for image in sheet.images[:2])
    assert seen[:2] == covered[:2] and seen[3] < seen[2] < covered[3] < covered[2]
    low, high = sheet.get_ylim()
    assert low > high == 0  # inches from above


def checks() -> Result:
    random = np.random.default_rng(2)
    methods, targets = ["gradient", "guided_backprop"], ["value", "all"]
    data = xarray.Dataset(
        {
            "similarity": (
                ("attribution_method", "stage", "target", "map", "statistic"),
                np.sort(random.random((2, 3, 2, 2, 3)), axis=-1)[..., [1, 0, 2]],
            ),
            "similarity_chance": (("attribution_method", "stage", "target", "map"), 0.1 * random.random((2, 3, 2, 2))),
            "strength": (
                ("attribution_method", "stage", "target", "statistic"),
                np.sort(random.random((2, 3, 2, 3)), axis=-1)[..., [1, 0, 2]],
            ),
            "strength_chance": (("attribution_method", "stage", "target"), 0.1 * random.random((2, 3, 2))),
            "deletion": (("order", "target", "fraction"), random.random((4, 2, 4))),
            "insertion": (("order", "target", "fraction"), random.random((4, 2, 4))),
            "agreement": (
                ("attribution_method", "target", "map", "statistic"),
                np.sort(random.random((2, 2, 2, 3)), axis=-1)[..., [1, 0, 2]],
            ),
            "agreement_of_size": (("target", "statistic"), np.array([[0.5, 0.4, 0.6]] * 2)),
            "agreement_of_difference": (("target", "statistic"), np.array([[0.3, 0.2, 0.4]] * 2)),
        },
        coords={
            "attribution_method": methods,
            "order": [*methods, "difference", "random"],
            "target": targets,
            "stage": ["value and policy", "fc", "conv1"],
            "map": ["signed", "absolute"],
            "statistic": ["estimate", "low", "high"],
            "fraction": [0.0, 0.1, 0.5, 1.0],
        },
        attrs={"threshold": 0.2},
    )
    return Result("attribution_checks", data, {}, {"agent": "planted"})


def test_the_checks_are_drawn_as_they_are():
    result = checks()
    figure = attribution_checks(result, "value")
    signed, absolute, deletion, _, agree, _ = figure.axes
    for method in ("gradient", "guided_backprop"):
        one = result.data.sel(attribution_method=method, target="value", statistic="estimate")
        excess = one["strength"].values - one["strength_chance"].values
        assert any(np.array_equal(line.get_ydata(), excess) for line in signed.lines)
        found = one["similarity"].sel(map="absolute").values
        assert any(np.array_equal(line.get_ydata(), found) for line in absolute.lines)
    for order in ("gradient", "difference", "random"):
        chosen = result.data["deletion"].sel(order=order, target="value").values
        assert any(np.array_equal(line.get_ydata(), chosen) for line in deletion.lines)
    assert any(np.array_equal(line.get_ydata(), [0.2, 0.2]) for line in signed.lines)
    assert "absolute: object's size alone" in [text.get_text() for text in agree.texts]
    assert [label.get_text() for label in agree.get_yticklabels()] == ["gradient", "guided backprop"]


def test_results_of_other_analyses_and_unknown_targets_are_refused():
    for draw in (episode_attribution, attribution_lags, attribution_through_time, attribution_checks):
        with pytest.raises(UserError, match="is not one of (episode_)?attribution"):
            draw(Result("simulation", xarray.Dataset()))
    with pytest.raises(UserError, match="target 'fc:1': is not in this result"):
        episode_attribution(planted(), "fc:1")
    with pytest.raises(UserError, match="target 'fc:1': is not in this result"):
        attribution_checks(checks(), "fc:1")


@pytest.mark.parametrize("width", [84, 210, 160, 30])
def test_what_stands_above_the_map_of_a_movie_fits_whatever_the_size_of_the_view(width):
    frame = next(attribution_frames(planted(size=(20, width)), "probability:move forward"))
    assert (frame[:82, -20:] == 255).all() and (frame[56:80, -60:] < 200).any()  # up to the right end, not beyond it
