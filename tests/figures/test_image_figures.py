"""Figures of responses to images show what is in the Result, are legible, and refuse what is not theirs."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb

from retinoscope import figures
from retinoscope.analyses.drawing import TableDrawing, TextDrawing
from retinoscope.analyses.images.action_given_stimulus import ANALYSIS as ACTIONS
from retinoscope.analyses.images.decoding import ANALYSIS as DECODING
from retinoscope.errors import UserError
from retinoscope.figures.effect_classes import colour_of, marker_of, titles_of
from retinoscope.figures.style import colour, colours
from tests.figures.behaviour_results import words_of
from tests.figures.image_results import (
    EFFECTS,
    action_result,
    attribution_result,
    decoding_result,
    embedding_result,
    presentation_result,
    recurrent_result,
    twin_result,
)

DRAWN = {
    "action_given_stimulus": action_result,
    "action_given_stimulus_by_place": action_result,
    "decoding": decoding_result,
    "dataset_embedding": embedding_result,
    "dataset_attribution": attribution_result,
    "dataset_presentation": presentation_result,
    "recurrent_response": recurrent_result,
    "twin_comparison": twin_result,
}


@pytest.mark.parametrize("name", DRAWN)
def test_results_of_others_are_refused_and_agent_and_set_are_named(name):
    other = decoding_result() if name != "decoding" else action_result()
    with pytest.raises(UserError, match="give the result of that analysis"):
        getattr(figures, name)(other)
    assert "agent planted · planted images" in words_of(getattr(figures, name)(DRAWN[name]()))


def test_decodability_is_drawn_as_it_is_in_the_result():
    result = decoding_result()
    upper, lower, confusion = figures.decoding(result).axes
    for axes, task in ((upper, "class"), (lower, "effect")):
        scores = result.data["balanced"].sel(task=task)
        by_checkpoint = {line.get_label(): line for line in _lines_of_bars(axes)}
        for number, checkpoint in enumerate(scores["checkpoint"].values):
            line = by_checkpoint[str(checkpoint)]
            np.testing.assert_array_equal(line.get_ydata(), scores.sel(checkpoint=checkpoint)[1:])
            assert to_hex(line.get_color()) == colours("checkpoints")[number]
        np.testing.assert_array_equal(by_checkpoint["pixels"].get_ydata(), scores.isel(checkpoint=-1)[:1])
    (image,) = confusion.images
    counts = result.data["confusion"].isel(checkpoint=-1).sel(layer="fc").values
    np.testing.assert_allclose(np.asarray(image.get_array()), counts / counts.sum(axis=1, keepdims=True))
    assert [text.get_text() for text in confusion.texts] == [str(each) for each in counts.ravel() if each]


def _lines_of_bars(axes):
    lines = []
    for container in axes.containers:
        container[0].set_label(container.get_label())
        lines.append(container[0])
    return lines


def test_violins_stand_at_their_class_with_its_colour_and_median():
    result = action_result()
    figure = figures.action_given_stimulus(result)
    shades = colour_of(np.array(list(EFFECTS.values())))
    for axes, action in zip(figure.axes[:4], result.data["action"].values, strict=True):
        data = result.data.sel(action=action)
        violins, (halo, line) = axes.collections[:4], axes.collections[4:]
        for number, violin in enumerate(violins):
            assert to_hex(violin.get_facecolor()[0]) == shades[number]
            edge = violin.get_paths()[0].vertices[:, 0]
            widest = float(data["density"].values[number].max())
            assert edge.max() == pytest.approx(number + 0.42) and edge.min() == pytest.approx(number - 0.42)
            assert widest > 0
        drawn = [segment[0, 1] for segment in line.get_segments()]
        np.testing.assert_allclose(drawn, data["median"].values)
        assert len(halo.get_segments()) == 4
        assert [text.get_text() for text in axes.texts] == [f"{each:.2f}" for each in data["median"].values]
        assert axes.get_ylabel() == f"P({action})" and axes.get_ylim() == (0, 1)


def test_the_plane_of_logits_has_every_image_in_the_colour_and_shape_of_its_class():
    result = action_result()
    (points,) = figures.action_given_stimulus(result).axes[4].collections
    truth = result.data["logit_score"].values
    order = [int(np.abs(truth - place).sum(axis=1).argmin()) for place in points.get_offsets()]
    assert sorted(order) == list(range(40)) and order != list(range(40))
    labels, shades = result.data["label"].values[order], colour_of(np.array(list(EFFECTS.values())))
    assert [to_hex(each) for each in points.get_facecolors()] == [shades[label] for label in labels]
    shapes = {label: path.vertices.tolist() for label, path in zip(labels, points.get_paths(), strict=True)}
    assert len({str(shape) for shape in shapes.values()}) == 4
    assert all(shapes[label] == path.vertices.tolist() for label, path in zip(labels, points.get_paths(), strict=True))


def test_maps_by_place_are_centred_on_zero_nearest_below_and_bold_where_the_interval_excludes_zero():
    result = action_result()
    contrast, turning = (axes for axes in figures.action_given_stimulus_by_place(result).axes if axes.texts)
    (image,) = contrast.images
    assert image.get_clim() == (-2, 2) and image.origin == "lower"
    np.testing.assert_allclose(np.asarray(image.get_array()), result.data["contrast"].values.reshape(2, 3))
    assert [label.get_text() for label in contrast.get_yticklabels()] == ["100", "400"]
    assert [label.get_text() for label in contrast.get_xticklabels()] == ["−20°", "0°", "+20°"]
    bold = [text.get_weight() == "bold" for text in contrast.texts]
    clear = (result.data["contrast_low"].values > 0) | (result.data["contrast_high"].values < 0)
    assert bold == clear.tolist() and any(bold) and not all(bold)
    assert [text.get_text() for text in turning.texts].count("·") == 2


def test_summaries_by_checkpoint_carry_both_intervals():
    result = action_result()
    axes = figures.action_given_stimulus(result).axes[5]
    np.testing.assert_allclose(axes.lines[0].get_ydata(), result.data["summary"].values)
    for collection, (low, high) in zip(
        axes.collections, (("summary_low", "summary_high"), ("summary_images_low", "summary_images_high")), strict=True
    ):
        ends = [(segment[0, 1], segment[1, 1]) for segment in collection.get_segments()]
        np.testing.assert_allclose(ends, np.stack([result.data[low].values, result.data[high].values], axis=1))


def test_presented_images_stand_in_their_row_and_column_and_distances_in_the_table():
    result = presentation_result()
    sheet, table = figures.dataset_presentation(result).axes
    # Straight ahead at 60 and at 100 units, then one place aside, each with the four classes.
    for number, image in enumerate(sheet.images[:8]):
        place = (1, 4)[number // 4]
        np.testing.assert_array_equal(np.asarray(image.get_array()), result.data["example"].values[place, number % 4])
        left, right, bottom, top = image.get_extent()
        assert top < bottom and left < right  # inches from above: the first row of a picture is at its top
    (image,) = table.images
    np.testing.assert_allclose(np.asarray(image.get_array()), result.data["median"].values)
    assert table.get_yticklabels()[0].get_text() == "60 units −30°"


def test_responses_of_the_memory_are_drawn_by_step():
    result = recurrent_result()
    decodable, size, history, plane = figures.recurrent_response(result).axes
    np.testing.assert_array_equal(decodable.containers[0][0].get_ydata(), result.data["balanced"].values)
    for number, line in enumerate(size.lines):
        np.testing.assert_array_equal(line.get_ydata(), result.data["size"].values[:, number])
        assert line.get_linestyle() == ("-" if list(EFFECTS.values())[number] > 0 else "--")
    np.testing.assert_array_equal(history.lines[0].get_ydata(), result.data["history_share"].values)
    assert len(plane.collections[0].get_offsets()) == 40 and "PC 1 (60% of the variance)" in plane.get_xlabel()


def test_paired_filters_stand_above_each_other_around_mid_grey():
    result = twin_result()
    figure = figures.twin_comparison(result)
    sheet, by_class, by_effect = figure.axes
    for number in range(10):
        for part, name in enumerate(("agent", "twin")):
            field = result.data[f"{name}_filter"].values[number]
            image = sheet.images[2 * number + part]
            np.testing.assert_allclose(np.asarray(image.get_array()), 0.5 + field / (2 * np.abs(field).max()))
        above, below = (image.get_extent() for image in sheet.images[2 * number : 2 * number + 2])
        assert above[:2] == below[:2] and above[2] < below[3]
    assert "r = −0.40" in words_of(figure)
    for axes, task in ((by_class, "class"), (by_effect, "effect")):
        for container, name in zip(axes.containers, ("agent", "twin"), strict=True):
            scores = result.data["balanced"].sel(task=task, network_name=name).values
            np.testing.assert_array_equal(container[0].get_ydata(), scores)


def test_embeddings_have_every_point_at_its_place_and_say_what_they_keep():
    result = embedding_result()
    figure = figures.dataset_embedding(result)
    for axes, (layer, kind) in zip(
        figure.axes, [(a, b) for a in ("pixels", "fc") for b in ("principal", "tsne")], strict=True
    ):
        truth = result.data[f"{layer}_{kind}"].values
        drawn = np.asarray(axes.collections[0].get_offsets())
        assert sorted(map(tuple, drawn.tolist())) == sorted(map(tuple, truth.tolist()))
        assert "kept 0.61, same class" in axes.get_title("right")
    assert figure.axes[0].get_xlabel() == "PC 1 (40% of the variance)"


def test_attribution_sheets_show_the_target_asked_for():
    result = attribution_result()
    figure = figures.dataset_attribution(result, "probability:move forward")
    assert "Attribution of move forward" in words_of(figure)
    sheet = figure.axes[0]
    np.testing.assert_array_equal(np.asarray(sheet.images[0].get_array()), result.data["observation"].values[0])
    largest = np.abs(result.data["map"].values[1]).max(axis=(1, 2))
    assert all(f"+{each:.2g}" in words_of(figure) for each in largest)
    with pytest.raises(UserError, match="target 'fc:1': is not in this result"):
        figures.dataset_attribution(result, "fc:1")


def test_colours_tell_healing_from_harming_also_in_brightness_and_markers_without_colour():
    effects = np.array([-30, -10, 0, 10, 30])
    shades = [to_rgb(each) for each in colour_of(effects)]
    assert all(c[0] > c[2] for c in shades[:2]) and all(c[2] > c[0] for c in shades[3:])
    assert sum(shades[0]) < sum(shades[1]) and sum(shades[4]) < sum(shades[3])
    assert to_hex(shades[2]) == colour("neutral")
    assert len(set(marker_of(["cat", "dog", "eel", "fox", "gnu"], effects))) == 5
    assert marker_of(["1", "2"], effects[:2]) == ["$1$", "$2$"]
    assert titles_of(["1", "2"], effects[[0, 4]]) == ["1 (−30)", "2 (+30)"]


def test_the_page_gets_the_scores_as_a_text_and_the_numbers_as_tables():
    drawings = DECODING.draw(decoding_result())
    (text,) = [each for each in drawings if isinstance(each, TextDrawing)]
    assert text.name == "analyze_class_score" and text.text.startswith("multi classification scores:\n-Train: ")
    (table,) = [each for each in drawings if isinstance(each, TableDrawing)]
    assert len(table.rows) == 3 * 4 * 2 and all(len(row) == len(table.columns) for row in table.rows)
    drawings = ACTIONS.draw(action_result())
    (summary,) = [each for each in drawings if isinstance(each, TableDrawing)]
    assert [row[0] for row in summary.rows] == ["untrained", "early", "final"]
