"""Every parameter of every analysis can be set from the shell, and means there what it means in Python."""

from __future__ import annotations

import types
from typing import Any, Literal, Union, get_args, get_origin

import pytest

from retinoscope.analyses.listing import in_words
from retinoscope.analyses.registry import all_analyses, select_analyses
from retinoscope.cli import main
from retinoscope.result import load_result
from retinoscope.settings import describe
from retinoscope.workflows.chosen import chosen_parameters, settings_of_assignments

TEXTS = {
    "layer": "conv1",
    "layers": "fc,rnn",
    "targets": "value",
    "method": "noise",
    "methods": "gradient",
    "components": "pca:3",
    "do": "ablate",
    "dataset": "digits",
    "presentation": "paste height=30 position=30x40",
    "class_effects": "cat=-20,dog=+10",
    "twin": "twin.safetensors",
    "before": "untrained.safetensors",
    "units": "fc:0-3",
    "directions": "unit:1,component:0",
    "when": "component:0 > 1",
    "moments": "notes.json:1",
    "variables": "health",
    "pairs": "health & angle",
}
"""What cannot be guessed from the type alone."""

EVERY = [(name, each.name) for name, one in all_analyses().items() for each in describe(one.parameters)]


def kinds_of(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)


def another_text(name: str, parameter: str) -> str:
    """Text for another value than the default."""
    cls = all_analyses()[name].parameters
    field = cls.__pydantic_fields__[parameter]
    default = field.get_default(call_default_factory=True)
    for kind in kinds_of(field.annotation):
        if get_origin(kind) is Literal:
            return str(next(each for each in get_args(kind) if each != default))
        if kind is bool:
            return in_words(not default)
        if kind is int:
            return str((default or 3) + (-1 if parameter == "stride" else 1))  # windows have to touch
        if kind is float:
            return f"{(default or 1.0) * 0.9:g}"
        if get_origin(kind) is tuple and get_args(kind)[0] in (int, float):
            return "0.25,0.5" if get_args(kind)[0] is float else "2,3"
    return TEXTS[parameter]


@pytest.mark.parametrize(("name", "parameter"), EVERY)
def test_the_shell_sets_what_python_sets(name: str, parameter: str) -> None:
    text = another_text(name, parameter)
    run = select_analyses(only=name)
    chosen = chosen_parameters(run, settings_of_assignments([f"{name}.{parameter}={text}"]), {}, seed=0)[name]
    cls = all_analyses()[name].parameters
    value = getattr(chosen, parameter)
    assert value != getattr(cls(), parameter), "the test has to set another value"
    assert chosen == cls(**{parameter: value})
    # Written again as the shell writes it, it is the same once more.
    if not isinstance(value, str) and parameter not in TEXTS:
        again = settings_of_assignments([f"{name}.{parameter}={in_words(value)}"])
        assert chosen_parameters(run, again, {}, seed=0)[name] == chosen


@pytest.mark.engine
def test_the_result_of_the_shell_is_that_of_python(tmp_path, capfd) -> None:
    import retinoscope

    out = tmp_path / "out"
    settings = tmp_path / "settings.yaml"
    settings.write_text("raster: {splits: 2, order: cosine}\nburn_in: {windows: 20}\n")
    arguments = ["analyze", "digits", "--frames", "300", "--only", "raster", "--out", str(out)]
    arguments += ["--settings", str(settings), "--set", "raster.order=euclidean", "--set", "raster.layers=fc,rnn"]
    assert main(arguments) == 0, capfd.readouterr().err
    agent, recording = retinoscope.load_agent("digits"), retinoscope.open(out / "recording.zarr")
    given = {"burn_in": retinoscope.analyses.burn_in(recording, agent=agent, windows=20)}
    ours = retinoscope.analyses.raster(
        recording, agent=agent, given=given, splits=2, order="euclidean", layers=("fc", "rnn")
    )
    theirs = load_result(out / "results" / "raster.nc")
    assert theirs.parameters == ours.parameters
    assert theirs.data.equals(ours.data)
