"""Every figure composes: axes or a size of one's own, without its caption, and in a style that was replaced."""

from __future__ import annotations

import functools
import inspect
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
import xarray
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

import retinoscope
from retinoscope import figures
from retinoscope.errors import UserError
from retinoscope.figures import style
from retinoscope.result import Result
from tests.figures import (
    channel_results,
    decoding_results,
    image_results,
    memory_results,
    test_attribution,
    test_component_gallery,
    test_components,
    test_intervention,
    tuning_results,
)
from tests.figures import test_between_agents as of_several_agents
from tests.figures import test_field_structure as of_structure
from tests.figures import test_learned as of_learned
from tests.figures import test_natural_fields as of_natural_fields
from tests.figures import test_receptive_fields as of_fields
from tests.figures import test_scenario_preview as of_preview
from tests.figures import test_tuning_to_gratings as of_gratings
from tests.figures import test_tuning_to_motion as of_motion
from tests.figures.behaviour_results import (
    SAID,
    components_result,
    embedding_result,
    faults_of,
    raster_result,
    words_of,
)
from tests.simulations import planted_rows, planted_simulation


def burn_in_result() -> Result:
    distance = np.geomspace(1, 0.01, 40)
    data = xarray.Dataset(
        {
            "distance": ("step", distance),
            "typical": ("step", distance / 2),
            **{name: ((), value) for name, value in (("threshold", 0.05), ("steps", 12), ("settled", True))},
            **{name: ((), value) for name, value in (("steps_low", 10.0), ("steps_high", 14.0))},
        },
        coords={"step": np.arange(40)},
        attrs={"seconds_per_decision": 0.11},
    )
    return Result("burn_in", data, {"method": "forgetting", "share": 0.95}, {"agent": "planted"})


def events_result() -> Result:
    random = np.random.default_rng(0)
    kinds, sides, lags, units = ["healing", "harmful"], ["before", "after"], 21, 16
    curves = random.normal(size=(2, lags, units))
    variables: dict[str, Any] = {"events": ("kind", [30, 30])}
    for layer in ("conv1", "fc"):
        unit, of_unit = f"{layer}_unit", ("kind", f"{layer}_unit")
        for name, shift in (("mean", 0.0), ("low", -0.3), ("high", 0.3)):
            variables[f"{layer}_{name}"] = (("kind", "lag", unit), curves + shift)
            variables[f"{layer}_shuffled_{name}"] = (of_unit, np.full((2, units), shift))
        variables[f"{layer}_score"] = (("kind", "side", unit), random.normal(size=(2, 2, units)))
        variables[f"{layer}_p"] = (("kind", "side", unit), random.uniform(size=(2, 2, units)))
    for share in ("rising_before", "rising_only_after"):
        for end, shift in (("", 0.0), ("_low", -0.1), ("_high", 0.1)):
            variables[share + end] = (("kind", "layer"), np.full((2, 2), 0.3 + shift))
    variables["beyond_by_chance"] = (("kind", "layer"), np.full((2, 2), 0.02))
    for name, value in (("auc", 0.8), ("auc_low", 0.7), ("auc_high", 0.9), ("auc_chance_low", 0.45)):
        variables[name] = (("predictor", "horizon"), np.full((3, 4), value))
    variables["auc_chance_high"] = (("predictor", "horizon"), np.full((3, 4), 0.55))
    coordinates = {
        "kind": kinds,
        "side": sides,
        "layer": ["conv1", "fc"],
        "predictor": ["PC1 of fc", "PC1 of rnn", "critic's value"],
        "horizon": [0.5, 1.0, 2.0, 4.0],
        "seconds": ("lag", np.linspace(-2, 2, lags)),
    }
    said = {"kinds_are_sides": 1, "predicted": "healing", "encoded": "fc", "has_critic": 1}
    data = xarray.Dataset(variables, coordinates, SAID | said | {"seconds_per_decision": 0.2})
    return Result("event_triggered", data, {"fewest_events": 20, "level": 0.05}, {"agent": "planted"})


def progress_result() -> Result:
    names = (
        "positive",
        "negative",
        "terminated",
        "participation_fc",
        "participation_rnn",
        "sparseness",
        "rising_before",
    )
    variables: dict[str, Any] = {
        f"{name}{end}": ("checkpoint", np.array([1.0, 2.0, 3.0]) + shift, {"label": name[:12], "axis": name})
        for name in (*names, "pc1_auc")
        for end, shift in (("", 0.0), ("_low", -0.2), ("_high", 0.2))
    }
    for layer in ("conv1", "conv2"):
        cosines = np.random.default_rng(0).uniform(0.2, 1, (3, 8))
        variables |= {
            f"{layer}_{name}": (("checkpoint", f"{layer}_unit"), cosines) for name in ("with_last", "with_previous")
        }
        variables[f"{layer}_by_chance"] = ((), 0.1)
    data = xarray.Dataset(variables, coords={"frames_trained": ("checkpoint", [0, 1000, 50_000])})
    return Result("training_progress", data, {"convolutions": ["conv1", "conv2"]}, {"agent": "planted"})


def examples_result() -> Result:
    random = np.random.default_rng(0)
    one, levels = ("proportion", "component"), ("low", "middle", "high")
    data = xarray.Dataset(
        {
            "edge": (("component", "end"), np.tile(np.linspace(-3, 3, 31), (6, 1))),
            "histogram": (("component", "scope", "bin"), random.integers(1, 50, (6, 2, 30))),
            "low": (one, np.full((1, 6), -1.0)),
            "high": (one, np.full((1, 6), 1.0)),
            "middle_from": (one, np.full((1, 6), -0.1)),
            "middle_to": (one, np.full((1, 6), 0.1)),
            "skewness": (("component", "scope"), random.normal(size=(6, 2))),
            "kurtosis": (("component", "scope"), random.normal(size=(6, 2))),
            "cut": (one, np.full((1, 6), "")),
            "coverage": ((*one, "scope", "level"), random.uniform(size=(1, 6, 2, 3))),
        },
        coords={"component": np.arange(6), "scope": ["any_step", "gradient_step"], "level": list(levels)},
        attrs={"caption": "word " * 60},
    )
    return Result("dataset_examples", data, {}, {"agent": "planted"})


def simulation_result() -> Result:
    rows = planted_rows(60, episode_lengths=(25,))
    rows["events"].values[[5, 30], 2] = 1
    rows["events"].values[[12, 31], 0] = 1
    return planted_simulation(rows)


RESULTS: dict[str, Callable[[], Result]] = {
    "action_given_stimulus": image_results.action_result,
    "action_given_stimulus_by_place": image_results.action_result,
    "attribution_checks": test_attribution.checks,
    "attribution_lags": test_attribution.planted,
    "attribution_through_time": test_attribution.planted,
    "burn_in": burn_in_result,
    "channel_curves": channel_results.planted,
    "channel_spectra": channel_results.planted,
    "channel_statistics": channel_results.planted,
    "component_correlates": test_components.planted,
    "component_gallery": test_component_gallery.planted,
    "components": test_components.planted,
    "dataset_attribution": image_results.attribution_result,
    "dataset_embedding": image_results.embedding_result,
    "dataset_examples": examples_result,
    "dataset_presentation": image_results.presentation_result,
    "decoding": image_results.decoding_result,
    "embedding": embedding_result,
    "episode_attribution": test_attribution.planted,
    "event_triggered": events_result,
    "event_triggered_claims": events_result,
    "event_triggered_units": events_result,
    "field_structure": of_structure.planted,
    "dose_response": memory_results.dose_response,
    "dose_response_afterwards": memory_results.dose_response,
    "dose_response_outputs": memory_results.dose_response,
    "fixed_points": memory_results.fixed_points,
    "fixed_points_spectra": memory_results.fixed_points,
    "intervention": lambda: test_intervention.planted(6),
    "intervention_doses": lambda: memory_results.doses_in_episodes(test_intervention.planted(6)),
    "learned": of_learned.planted,
    "memory_decoding": decoding_results.planted,
    "memory_decoding_added": decoding_results.planted,
    "natural_field_prediction": lambda: of_natural_fields.planted(8),
    "natural_fields": lambda: of_natural_fields.planted(8),
    "principal_components": components_result,
    "principal_components_map": components_result,
    "principal_components_time": components_result,
    "raster": raster_result,
    "receptive_fields": lambda: of_fields.planted(8),
    "recurrent_response": image_results.recurrent_result,
    "scenario_preview": of_preview.planted,
    "simulation_summary": simulation_result,
    "training_progress": progress_result,
    "tuning": tuning_results.planted,
    "tuning_beyond_view": tuning_results.planted,
    "tuning_of": tuning_results.planted,
    "tuning_to_gratings": of_gratings.planted,
    "tuning_to_motion": of_motion.planted,
    "twin_comparison": image_results.twin_result,
}
"""A small Result for every figure."""

NO_FIGURES = {"activation_frames", "attribution_frames", "contact_sheet", "receptive_fields_all", "simulation_frames"}
NO_FIGURES |= {"field_frames", "use_style"}
NAME_NO_AGENT = ("attribution_lags", "burn_in", "event_triggered_claims", "event_triggered_units", "scenario_preview")
TAKE_AXES = ("attribution_lags", "burn_in", "component_correlates")
CARRY_CAPTIONS = [name for name in RESULTS if "caption" in inspect.signature(getattr(figures, name)).parameters]

OWN = """
font.family: serif
font.size: 9.6   # of everything
axes.spines.top: True
image.cmap: magma
axes.prop_cycle: cycler('color', ['aa0000', '00aa00', '0000aa'])
text.color: '#112233'
retinoscope.positive: 00aaaa
retinoscope.negative: "#aa00aa"
retinoscope.diverging_map: PiYG
"""


@pytest.fixture
def own_style(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "own.mplstyle"
    path.write_text(OWN, encoding="utf-8")
    yield path
    figures.use_style()


def draw(name: str, **settings: Any) -> Any:
    return getattr(figures, name)(RESULTS[name](), **settings)


@functools.cache
def plain(name: str) -> Any:
    """As it is drawn when nothing is asked for; to be looked at only."""
    return draw(name)


def own_words(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_text().strip()]


def test_every_public_function_is_found_without_a_list_and_has_a_result_here() -> None:
    assert set(dir(figures)) == set(RESULTS) | set(of_several_agents.DRAWN) | NO_FIGURES
    for name in dir(figures):
        assert callable(getattr(figures, name)) and getattr(figures, name).__doc__
    assert figures.__all__ == dir(figures)
    with pytest.raises(AttributeError, match="no attribute 'histogram'"):
        figures.histogram  # noqa: B018


def test_functions_stay_what_their_names_say_whichever_module_is_imported_first() -> None:
    """A module and its function have one name; importing the module must not hide the function."""
    program = (
        "import sys, retinoscope.figures.raster as module, retinoscope.figures\n"
        "from retinoscope import figures\n"
        "from retinoscope.figures import burn_in, canvas\n"
        "import retinoscope.figures.decoding\n"
        "assert callable(figures.raster) and callable(burn_in) and callable(figures.decoding)\n"
        "assert canvas.WHITE and 'retinoscope.figures.component_gallery' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_naming_the_package_loads_no_matplotlib() -> None:
    program = "import sys, retinoscope.figures; assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("name", RESULTS)
def test_a_figure_needs_its_result_alone_and_names_its_agent(name: str) -> None:
    figure = plain(name)
    assert isinstance(figure, Figure) and faults_of(figure) == []
    if name not in (
        "burn_in",
        "attribution_lags",
        "scenario_preview",
        "event_triggered_units",
        "event_triggered_claims",
    ):
        assert "agent planted" in words_of(figure)
        nameless = RESULTS[name]()
        nameless.provenance.clear()
        assert "· agent" not in words_of(getattr(figures, name)(nameless))


@pytest.mark.parametrize("name", [name for name in RESULTS if name not in TAKE_AXES])
def test_a_figure_has_the_size_asked_for_and_still_nothing_over_anything(name: str) -> None:
    figure = draw(name, figsize=(9.0, 10.0))
    assert tuple(figure.get_size_inches()) == (9.0, 10.0)
    assert faults_of(figure) == []


@pytest.mark.parametrize("name", CARRY_CAPTIONS)
def test_captions_can_be_left_out_and_the_figure_is_as_much_smaller(name: str) -> None:
    whole, bare = draw(name), draw(name, caption=False)
    said = set(own_words(whole)) - set(own_words(bare))
    (caption,) = said
    assert len(caption) > 80 and set(own_words(bare)) <= set(own_words(whole))
    lines = caption.count("\n") + 1
    less = whole.get_size_inches()[1] - bare.get_size_inches()[1]
    assert 0.1 * lines < less < 0.3 + 0.16 * lines


def test_a_long_title_stays_on_the_page() -> None:
    result = image_results.decoding_result()
    result.provenance["agent"] = "an agent of a long name " * 12
    assert faults_of(figures.decoding(result)) == []


@pytest.mark.parametrize("name", TAKE_AXES)
def test_a_single_panel_is_drawn_into_axes_that_are_given(name: str) -> None:
    figure = Figure(figsize=(10, 8), layout="constrained")
    beside, ax = figure.subplots(1, 2)
    returned = draw(name, ax=ax)
    assert returned is ax and isinstance(returned, Axes)
    assert not beside.has_data() and ax.has_data()
    alone = plain(name)
    assert isinstance(alone, Figure)
    first = alone.axes[0]
    assert (ax.get_xlabel(), ax.get_ylabel()) == (first.get_xlabel(), first.get_ylabel())
    assert ax.xaxis.label.get_fontsize() == first.xaxis.label.get_fontsize()
    assert len(ax.lines) == len(first.lines) and len(ax.images) == len(first.images)
    assert ax.spines["top"].get_visible() == first.spines["top"].get_visible()
    assert faults_of(figure) == []


@pytest.mark.parametrize("name", RESULTS)
def test_a_replaced_style_replaces_fonts_and_leaves_matplotlib_as_it_was(name: str, own_style: Path) -> None:
    settings = dict(matplotlib.rcParams)
    usual = plain(name)
    figures.use_style(own_style)
    figure = draw(name)
    assert dict(matplotlib.rcParams) == settings
    families = {text.get_fontfamily()[0] for text in figure.findobj(Text) if text.get_text().strip()}
    assert families == {"DejaVu Serif"}
    assert {text.get_fontfamily()[0] for text in usual.findobj(Text)} == {"DejaVu Sans"}
    larger, before = (max(text.get_fontsize() for text in each.findobj(Text)) for each in (figure, usual))
    assert larger > before
    ink = {text.get_color() for text in figure.findobj(Text) if text.get_text().strip()}
    assert "#112233" in ink
    assert faults_of(figure) == []


def test_named_colours_and_maps_come_from_the_style(own_style: Path) -> None:
    def shades(figure: Figure) -> str:
        return next(axes.images[0] for axes in figure.axes if axes.images).get_cmap().name

    usual = shades(draw("raster"))
    figures.use_style(own_style)
    figure = draw("raster")
    assert (usual, shades(figure)) == ("RdBu_r", "PiYG")
    marks = {line.get_color() for line in figure.axes[0].lines}
    assert marks == {"#00aaaa", "#aa00aa", style.colour("neutral")}
    assert draw("principal_components_map").axes[0].collections[0].get_cmap().name == "magma"
    lags = draw("attribution_lags").axes[0]
    assert [container[0].get_color() for container in lags.containers] == ["#aa0000", "#00aa00"]
    assert lags.spines["top"].get_visible()
    frame = next(figures.simulation_frames(simulation_result()))
    figures.use_style()
    assert frame.shape == next(figures.simulation_frames(simulation_result())).shape
    assert (frame != next(figures.simulation_frames(simulation_result()))).any()  # letters of another font


def test_styles_are_files_names_or_settings_each_on_top_of_the_one_before(own_style: Path) -> None:
    figures.use_style(own_style, "ggplot", {"retinoscope.positive": "green", "retinoscope.many": ["red", "blue"]})
    assert style.colour("positive") == "#008000" and style.colour("negative") == "#aa00aa"
    assert style.colours("many") == ["#ff0000", "#0000ff"]
    assert draw("burn_in").axes[0].get_facecolor()[:3] == matplotlib.colors.to_rgb("#E5E5E5")
    figures.use_style()
    assert style.colour("positive") == "#00629e"


def test_the_variable_names_a_style_that_use_style_overrides(own_style: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETINOSCOPE_STYLE", str(own_style))
    assert style.colour("positive") == "#00aaaa"
    figures.use_style({"retinoscope.positive": "0.5"})
    assert style.colour("positive") == "#808080" and style.colour("negative") == "#b04200"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("font.sise: 9", r"own.mplstyle: there is no setting 'font.sise' in matplotlib; ours are retinoscope.positive"),
        ("font.size: large", r"own.mplstyle: font.size 'large' cannot be used"),
        ("retinoscope.heeling: red", r"there is no setting 'retinoscope.heeling'"),
        ("retinoscope.positive: reddish", r"retinoscope.positive 'reddish' cannot be used"),
        (
            "retinoscope.positive: red, blue",
            r"retinoscope.positive 'red, blue' cannot be used \(one colour is wanted\)",
        ),
        ("retinoscope.diverging_map: RdBl", r"retinoscope.diverging_map 'RdBl' cannot be used"),
        ("retinoscope.caption_size: huge", r"retinoscope.caption_size 'huge' cannot be used"),
        ("font.size 9", r"line 1 cannot be read; write NAME: VALUE"),
    ],
)
def test_what_is_wrong_in_a_style_is_said_in_one_line(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "own.mplstyle").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=message) as caught:
        figures.use_style(tmp_path / "own.mplstyle")
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match=r"nowhere.mplstyle: cannot be read \(No such file or directory\)"):
        figures.use_style(tmp_path / "nowhere.mplstyle")


def test_a_run_whose_style_cannot_be_read_is_refused_in_its_first_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETINOSCOPE_STYLE", str(tmp_path / "nowhere.mplstyle"))
    with pytest.raises(UserError, match=r"nowhere.mplstyle: cannot be read"):
        retinoscope.analyze("digits", out=tmp_path / "out", frames=20)
    assert not (tmp_path / "out").exists()
