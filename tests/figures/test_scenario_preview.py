"""The preview as drawn: what is written and marked on it, and that nothing leaves the page or overlaps."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import xarray
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex

from retinoscope.errors import UserError
from retinoscope.figures.scenario_preview import scenario_preview
from retinoscope.figures.style import colour
from retinoscope.result import Result


def planted(effects=(30, -20, 0), name="{}", examples=6, distractors=(), obstacles=0):
    classes = len(effects)
    random = np.random.default_rng(0)
    positions = random.uniform(-500, 500, (2 * classes, 2))
    data = xarray.Dataset(
        {
            "example": (("class", "example", "y", "x", "rgba"), np.full((classes, examples, 64, 64, 4), 255, np.uint8)),
            "effect": ("class", np.array(effects)),
            "distractor": ("class", np.array(distractors or [False] * classes)),
            "images": ("class", np.arange(classes) + 7),
            "obstacle_position": (("obstacle", "axis"), random.uniform(-600, 600, (obstacles, 2))),
            "stimulus_class": ("stimulus", np.repeat(np.arange(classes), 2)),
            "stimulus_position": (("stimulus", "axis"), positions),
            "path": (("decision", "axis"), np.array([[0.0, 0], [50, 50], [100, 100]])),
            "seconds": ("moment", np.array([0.0, 1.25, 2.5])),
            "health": ("moment", np.array([97.0, 94, 91])),
            "distance": ("moment", np.array([400.0, 200, 100])),
            "ahead_class": ("moment", np.array([1, 1, 1])),
            "position": (("moment", "axis"), np.array([[0.0, 0], [50, 50], [100, 100]])),
            "angle": ("moment", np.array([45.0, 45, 45])),
            "box": (("moment", "edge"), np.array([[0.4, 0.4, 0.2, 0.2]] * 3)),
            "eye_view": (("moment", "eye_y", "eye_x", "rgb"), np.zeros((3, 480, 640, 3), np.uint8)),
            "observation": (("moment", "y2", "x2", "rgb"), np.zeros((3, 60, 80, 3), np.uint8)),
        },
        {"class": [name.format(index) for index in range(classes)]},
    )
    parameters = {
        "seed": 5,
        "title": "A planted scenario",
        "half_width": 640,
        "spawn_half_width": 500,
        "clearance": 120,
        "stimulus_size": 64.0,
        "obstacles": {"count": obstacles, "radius": 8, "height": 96} if obstacles else None,
        "come_back": {"mode": "replace", "tics": 10},
        "health": {"start": 100, "maximum": 200, "hunger": 3, "hunger_tics": 32},
        "seconds_per_episode": 60.0,
    }
    return Result("scenario_preview", data, parameters, {"scenario": "planted"})


def words(figure):
    return [each.get_text() for axes in figure.axes for each in axes.texts] + [each.get_text() for each in figure.texts]


def test_bars_are_the_effects_sorted_and_coloured_by_sign():
    figure = scenario_preview(planted())
    (axes,) = (each for each in figure.axes if each.get_xlabel() == "health points per pick-up")
    assert [bar.get_width() for bar in axes.patches] == [-20, 0, 30]
    assert to_hex(axes.patches[0].get_facecolor()) == colour("negative")
    assert to_hex(axes.patches[2].get_facecolor()) == colour("positive")
    labels = [each.get_text() for each in axes.texts]
    assert labels == ["−20", "0", "+30", "harms", "heals"]
    sheet = figure.axes[0]
    assert [each.get_text() for each in sheet.texts] == ["1", "2", "0"]
    assert len(sheet.images) == 18


def test_the_map_marks_every_stimulus_by_the_shape_of_its_sign_at_its_place():
    result = planted()
    figure = scenario_preview(result)
    (axes,) = (each for each in figure.axes if each.get_xlabel() == "x (map units)")
    marks: dict[tuple[float, float], list[str]] = {}
    for line in axes.lines:
        for place in np.transpose(line.get_data()).tolist():
            marks.setdefault(tuple(place), []).append(line.get_marker())
    shapes = {0: "o", 1: "s", 2: "D"}
    for index, place in zip(result.data["stimulus_class"].values, result.data["stimulus_position"].values, strict=True):
        assert marks[tuple(place)] == [shapes[int(index)], f"$\\mathrm{{{index}}}$"]
    (legend,) = figure.legends
    assert {"heals", "harms", "does neither"} <= {each.get_text() for each in legend.texts}


def test_moments_and_caption_say_what_is_seen():
    text = "\n".join(words(scenario_preview(planted())))
    assert "planted: A planted scenario" in text
    assert "2  after 1.2 s, health 94\n1 (−20) at 200 map units" in text
    assert "with 7 to 9 images each, 24 in all" in " ".join(text.split())
    assert "hunger takes 3 every 0.91 s" in " ".join(text.split())
    assert "80 × 60 pixels" in text


def test_distractors_are_called_so_and_obstacles_are_drawn_as_large_as_they_are():
    result = planted(distractors=[False, False, True], obstacles=40)
    figure = scenario_preview(result)
    (bars,) = (each for each in figure.axes if each.get_xlabel() == "health points per pick-up")
    assert [each.get_text() for each in bars.texts] == ["−20", "distractor", "+30", "harms", "heals"]
    (plan,) = (each for each in figure.axes if each.get_xlabel() == "x (map units)")
    (squares,) = plan.collections
    boxes = [path.get_extents() for path in squares.get_paths()]
    centres = [((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2) for box in boxes]
    np.testing.assert_allclose(centres, result.data["obstacle_position"].values)
    assert {(round(box.width, 6), round(box.height, 6)) for box in boxes} == {(16, 16)}
    assert "obstacle" in {each.get_text() for each in figure.legends[0].texts}
    text = " ".join("\n".join(words(figure)).split())
    assert "Distractors can be picked up and do nothing. 40 solid obstacles stand elsewhere" in text
    assert "obstacle" not in "\n".join(words(scenario_preview(planted())))


@pytest.mark.parametrize(
    ("effects", "name"),
    [
        ((20, -20), "{}"),
        (tuple(range(-30, 30, 6)), "{}"),
        (tuple(range(-1000, 1000, 50)), "a_very_long_class_name_{}"),
        (tuple(range(-30, 30)), "{}"),
    ],
)
def test_nothing_written_leaves_the_page_or_touches_other_writing(effects, name):
    figure = scenario_preview(planted(effects, name, distractors=[not each for each in effects], obstacles=30))
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    (plan,) = (each for each in figure.axes if each.get_xlabel() == "x (map units)")
    texts = [each for axes in figure.axes if axes is not plan for each in axes.texts]
    texts += [*figure.texts, *figure.legends[0].texts]
    texts += [axes.xaxis.label for axes in figure.axes if axes.axison]
    boxes = {each.get_text(): each.get_window_extent(renderer) for each in texts if each.get_text()}
    page = figure.bbox
    for text, box in boxes.items():
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= page.x1 and box.y1 <= page.y1, text
    for (first, one), (second, other) in combinations(boxes.items(), 2):
        assert not one.overlaps(other), f"{first!r} overlaps {second!r}"


def test_a_result_of_another_analysis_is_refused():
    with pytest.raises(UserError, match=r"^result of 'simulation': is not one of scenario_preview"):
        scenario_preview(Result("simulation", xarray.Dataset()))


def test_results_of_earlier_versions_and_of_this_one_say_the_name_of_the_scenario():
    old = planted()
    new = Result(old.analysis, old.data, old.parameters | {"scenario": "planted"}, {"scenario": "name: other\n"})
    for result in (old, new):
        assert "planted: A planted scenario" in words(scenario_preview(result))
