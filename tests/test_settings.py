"""Parameters: what is wrong is said in one line, by the same words from Python, from the shell and from a file."""

from __future__ import annotations

import dataclasses
from typing import Literal

import pydantic
import pytest

from retinoscope.errors import UserError
from retinoscope.settings import describe, parameters, setting, stated, value_from_text, with_settings


@parameters("example")
class ExampleOfParameters:
    """Of every kind that analyses have."""

    order: Literal["first", "last", "random"] = setting("first", "how they are sorted")
    layers: tuple[str, ...] | None = setting(None, "names of layers", fewest=1)
    count: int = setting(3, "how many", units="decisions", least=1)
    share: float = setting(0.5, "how much", above=0, most=1)
    burn_in_steps: int | None = setting(None, "left out", least=0)
    is_shown: bool = setting(True, "whether")
    horizons: tuple[float, ...] = setting((0.5, 1.0), "how far", units="s", fewest=1)
    name: str = setting("5", "what it is called")

    @pydantic.model_validator(mode="after")
    def _is_small(self) -> ExampleOfParameters:
        if self.count > 100 * self.share:
            raise UserError(f"example: count is {self.count}; give at most 100 times the share")
        return self


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"order": "frist"}, "example: order 'frist' is unknown; choose from first, last or random"),
        ({"layers": ()}, "example: layers is empty; name at least 1"),
        ({"count": 0}, "example: count is 0; give at least 1"),
        ({"count": "many"}, "example: count is 'many'; give a whole number, at least 1"),
        ({"count": 1.5}, "example: count is 1.5; give a whole number, at least 1"),
        ({"share": 0}, "example: share is 0; give a number above 0, at most 1"),
        ({"share": 2.0}, "example: share is 2; give a number above 0, at most 1"),
        ({"share": float("nan")}, "example: share is nan; give a finite number above 0, at most 1"),
        ({"burn_in_steps": -1}, "example: burn_in_steps is -1; give at least 0"),
        ({"is_shown": "perhaps"}, "example: is_shown is 'perhaps'; give true or false"),
        ({"horizons": ("a",)}, "example: horizons is 'a'; give a number"),
        ({"horizons": 3}, "example: horizons is 3; give a list"),
        ({"count": 90}, "example: count is 90; give at most 100 times the share"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(wrong, says):
    with pytest.raises(UserError) as made:
        ExampleOfParameters(**wrong)
    assert str(made.value) == says
    with pytest.raises(UserError) as replaced:
        with_settings(ExampleOfParameters(), wrong)
    assert str(replaced.value) == says


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(UserError, match=r"^example: there is no parameter 'shar'; did you mean 'share'\? choose from"):
        with_settings(ExampleOfParameters(), {"shar": 1})
    with pytest.raises(UserError, match="there is no parameter 'xyz'; choose from order, layers"):
        ExampleOfParameters(xyz=1)


def test_nothing_is_changed_in_place():
    chosen = ExampleOfParameters(count=4)
    assert with_settings(chosen, {"share": 0.25}) == ExampleOfParameters(count=4, share=0.25)
    assert chosen == ExampleOfParameters(count=4) and hash(chosen) == hash(ExampleOfParameters(count=4))
    with pytest.raises(dataclasses.FrozenInstanceError):
        chosen.count = 5  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("order", "last", "last"),
        ("layers", "conv1, fc", ("conv1", "fc")),
        ("layers", "none", None),
        ("count", "7", 7),
        ("share", "0.25", 0.25),
        ("burn_in_steps", "None", None),
        ("burn_in_steps", "12", 12),
        ("is_shown", "false", False),
        ("horizons", "1,2.5", (1.0, 2.5)),
        ("name", "7", "7"),
        ("name", "none", "none"),
    ],
)
def test_text_is_read_as_python_would_have_it(name, text, value):
    chosen = with_settings(ExampleOfParameters(), {name: value_from_text(ExampleOfParameters, name, text)})
    assert getattr(chosen, name) == value and type(getattr(chosen, name)) is type(value)


def test_every_parameter_is_described():
    by_name = {each.name: each for each in describe(ExampleOfParameters)}
    assert list(by_name) == [field.name for field in dataclasses.fields(ExampleOfParameters)]
    assert by_name["order"].allowed == "first, last or random"
    assert by_name["share"].allowed == "above 0, at most 1"
    assert (by_name["count"].default, by_name["count"].units, by_name["count"].meaning) == (3, "decisions", "how many")


def test_what_is_stated_can_be_written_as_json():
    import json

    said = stated(ExampleOfParameters(layers=["fc"]))
    assert json.loads(json.dumps(said)) == said
    assert said["layers"] == ["fc"] and said["count"] == 3
