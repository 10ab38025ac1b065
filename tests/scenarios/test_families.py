"""The shipped families: which there are, what their YAML says, and that what belongs together is balanced."""

from __future__ import annotations

import json

import jsonschema
import numpy as np
import pytest
import yaml

from retinoscope.cli import main
from retinoscope.scenarios import Scenario, load_scenario, shipped_scenarios
from retinoscope.scenarios.scenario_files import LIBRARY
from retinoscope.scenarios.schema import SHIPPED_SCHEMA, scenario_schema, schema_text
from tests.families import family

OBSTACLES = [f"{images}_obstacles_{count}" for images in ("mnist", "digits") for count in (100, 200, 300)]
PAIRS = [("apples_with_cifar10", "cifar10_with_apples"), ("apples_with_mnist", "mnist_with_apples")]
GRADED = (-30, -25, -20, -15, -10, 10, 15, 20, 25, 30)


def classes_of(name):
    return {each.name: each for each in load_scenario(name).stimuli.classes}


def test_every_family_is_shipped_under_its_own_name():
    wanted = {"apples", "gabors", "digits", "mnist", "cifar10", *OBSTACLES, *(name for pair in PAIRS for name in pair)}
    assert set(shipped_scenarios()) == wanted
    assert all(load_scenario(name).name == name for name in wanted)


@pytest.mark.parametrize("name", ["digits", "gabors", "mnist", "cifar10", *OBSTACLES])
def test_ten_classes_are_graded_five_hurt_and_five_heal(name):
    assert load_scenario(name).class_effects == GRADED


@pytest.mark.parametrize("name", OBSTACLES)
def test_obstacles_come_on_top_of_the_plain_family_whose_stimuli_lie_as_densely(name):
    images, _, count = name.split("_")
    with_obstacles, plain = load_scenario(name), load_scenario(images)
    assert with_obstacles.obstacles.count == int(count) and plain.obstacles is None
    for part in ("images", "classes", "come_back", "size", "radius"):
        assert getattr(with_obstacles.stimuli, part) == getattr(plain.stimuli, part)
    density, plain_density = (
        sum(each.class_counts) / each.arena.spawn_half_width**2 for each in (with_obstacles, plain)
    )
    assert density == pytest.approx(plain_density, rel=0.02)


@pytest.mark.parametrize("pair", PAIRS)
def test_the_members_of_a_pair_differ_in_what_matters_alone(pair):
    first, second = map(classes_of, pair)
    assert set(first) == set(second)
    one, other = map(load_scenario, pair)
    counts, other_counts = (dict(zip(each.class_names, each.class_counts, strict=True)) for each in (one, other))
    assert counts == other_counts
    for name in first:
        assert first[name].images == second[name].images
        assert first[name].distractor != second[name].distractor, "what matters in the one is a distractor in the other"
    rest = [each.model_dump(exclude={"name": True, "title": True, "stimuli": {"classes"}}) for each in (one, other)]
    assert rest[0] == rest[1]


@pytest.mark.parametrize("pair", PAIRS)
def test_effects_in_a_pair_have_two_values_and_the_health_on_offer_is_balanced(pair):
    for name in pair:
        scenario = load_scenario(name)
        assert {each.health for each in scenario.stimuli.classes if not each.distractor} == {-20, 20}
        assert {each.health for each in scenario.stimuli.classes if each.distractor} == {0}
        lost = sum(e * n for e, n in zip(scenario.class_effects, scenario.class_counts, strict=True) if e < 0)
        gained = sum(e * n for e, n in zip(scenario.class_effects, scenario.class_counts, strict=True) if e > 0)
        assert scenario.health_on_offer == (lost, gained) == (-300, 300)


@pytest.mark.parametrize("name", shipped_scenarios())
def test_a_specification_survives_being_written_and_read(name):
    scenario = Scenario.model_validate(family(name))
    again = yaml.safe_load(scenario.to_yaml())
    assert Scenario.model_validate(again) == scenario
    assert ("obstacles" in again) == ("obstacles" in name), "left out where there are none"
    assert any("distractor" in each for each in again["stimuli"]["classes"]) == ("_with_" in name)


def test_the_schema_is_valid_and_the_shipped_file_is_what_the_models_give():
    jsonschema.Draft202012Validator.check_schema(scenario_schema())
    assert SHIPPED_SCHEMA.read_text(encoding="utf-8") == schema_text()
    assert json.loads(schema_text()) == scenario_schema()


@pytest.mark.parametrize("name", shipped_scenarios())
def test_every_shipped_file_and_its_whole_specification_fit_the_schema(name):
    validator = jsonschema.Draft202012Validator(scenario_schema())
    validator.validate(yaml.safe_load((LIBRARY / f"{name}.yaml").read_text(encoding="utf-8")))
    validator.validate(json.loads(load_scenario(name).model_dump_json()))


@pytest.mark.parametrize(
    "content",
    [
        {"name": "mine"},
        {"name": "mine", "stimuly": {}},
        {"extends": "digits", "stimuly": {}},
        {"extends": "digitz"},
        {"extends": "digits", "obstacles": {"count": 0}},
        {"extends": "digits", "obstacles": {"number": 5}},
        {"extends": "digits", "stimuli": {"classes": [{"name": "1"}]}},
        {"extends": "digits", "stimuli": {"images": {"source": "digits", "path": "here"}}},
        {"name": "mine", "stimuli": {"images": {}, "classes": [{"name": "1", "health": 1}]}},
    ],
)
def test_the_schema_refuses_what_the_reader_would_refuse(content):
    assert not jsonschema.Draft202012Validator(scenario_schema()).is_valid(content)


@pytest.mark.parametrize(
    "content",
    [
        {"extends": "other.yml"},
        {"extends": "digits", "obstacles": None},
        {"extends": "mine.yaml", "stimuli": {"images": {"path": "elsewhere"}, "size": 30}},
    ],
)
def test_the_schema_accepts_changes_to_another_scenario(content):
    jsonschema.Draft202012Validator(scenario_schema()).validate(content)


def test_the_schema_command_prints_the_schema_or_writes_it(tmp_path, capsys):
    assert main(["scenario", "schema"]) == 0
    assert capsys.readouterr().out == schema_text()
    assert main(["scenario", "schema", "--out", str(tmp_path / "schema.json")]) == 0
    assert (tmp_path / "schema.json").read_text(encoding="utf-8") == schema_text()
    assert main(["scenario", "schema", "--out", str(tmp_path / "nowhere" / "schema.json")]) == 2


def test_the_list_names_effects_distractors_obstacles_and_images(capsys):
    assert main(["scenario", "list"]) == 0
    rows = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert set(rows) == {"scenario", *shipped_scenarios()}
    assert "blue: -20; red: +20; airplane automobile bird" in rows["apples_with_cifar10"]
    assert rows["apples_with_cifar10"].endswith("truck: 0 (distractors)")
    assert rows["mnist_obstacles_200"].split()[1:5] == ["mnist", "10", "80", "200"]
    assert main(["scenario", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert listed["mnist_with_apples"]["distractors"] == ["blue", "red"]
    assert listed["mnist_with_apples"]["images"] == ["mnist", "apples"]
    assert np.sum(list(listed["digits"]["count"].values())) == 50
