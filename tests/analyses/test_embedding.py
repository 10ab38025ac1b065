"""Planted clusters come out of an embedding, and what is mere time is told from them."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path

import numpy as np
import pytest

from retinoscope.analyses.behaviour.affinity_cache import content_key
from retinoscope.analyses.behaviour.burn_in import burn_in
from retinoscope.analyses.behaviour.embedding import ANALYSIS, EmbeddingParameters, embedding
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.result import Result, load_result
from retinoscope.rollouts import ArrayRecording, Recording
from retinoscope.statistics import embedding as statistics
from tests.planted_activity import PlantedActivity
from tests.rollouts.recordings import small_agent

SMALL = EmbeddingParameters(perplexity=8.0, neighbours=5, burn_in_steps=0, jobs=1)
FRAMES, EPISODE = 320, 80


@functools.cache
def planted() -> Result:
    """`fc` follows the class of the nearest object, in no order of time; `rnn` drifts with time and follows nothing."""
    random = np.random.default_rng(0)
    nearest = random.integers(0, 3, FRAMES)
    centres = random.normal(size=(3, 12))
    by_class = 8 * centres[nearest] + random.normal(size=(FRAMES, 12))
    walk = np.cumsum(random.normal(size=(FRAMES, 12)), axis=0) + 0.1 * random.normal(size=(FRAMES, 12))
    action = random.integers(0, 3, (FRAMES, 2)).astype(np.int8)
    recording = PlantedActivity({"fc": by_class, "rnn": walk}, EPISODE, nearest=nearest, action=action)
    return embedding(recording, parameters=SMALL)  # type: ignore[arg-type]


def at(name: str, layer: str, **labels: str) -> float:
    return float(planted().data[name].sel(layer=layer, **labels))


def test_planted_clusters_are_recovered_and_unrelated_labels_are_at_chance() -> None:
    assert at("same_label", "fc", label="nearest") > 0.97
    assert at("same_label_chance", "fc", label="nearest") == pytest.approx(1 / 3, abs=0.02)
    assert at("same_label", "fc", label="action") == pytest.approx(
        at("same_label_chance", "fc", label="action"), abs=0.04
    )
    assert at("same_label", "rnn", label="nearest") == pytest.approx(1 / 3, abs=0.1)


def test_structure_that_is_only_time_is_flagged_and_other_structure_is_not() -> None:
    assert at("time_share", "rnn") > 0.7 > 0.2 > at("time_share", "fc")
    assert at("time_share", "fc") == pytest.approx(at("time_share_chance", "fc"), abs=0.05)
    evidence = planted().data.attrs["evidence"]
    assert "In rnn, neighbours are mostly neighbours in time" in evidence
    assert "fc and rnn" not in evidence


def test_neighbours_kept_lie_above_chance_within_their_interval() -> None:
    for layer in ("fc", "rnn"):
        assert at("kept_chance", layer) == pytest.approx(5 / (FRAMES - 1))
        assert 0.2 < at("kept_low", layer) <= at("kept", layer) <= at("kept_high", layer) < 1


def test_captions_say_how_and_over_what() -> None:
    caption = planted().data.attrs["caption"]
    for fact in ("n = 320 decisions in 4 episodes", "PCA initialisation, perplexity 8, learning rate n / exaggeration"):
        assert fact in caption
    assert "by chance 1.57%" in planted().data.attrs["evidence"]


@pytest.fixture(scope="module")
def measured(small_recording: Recording) -> Result:
    return embedding(small_recording, agent=small_agent(), parameters=SMALL, maximum_points=120, burn_in_steps=4)


def test_points_are_the_same_moments_for_all_layers_with_what_was_the_case(small_recording, measured) -> None:
    rows = small_recording.rows()
    points = measured.data["row"].values
    kept = np.flatnonzero(rows["step"].values >= 4)
    assert len(points) == 120 == len(set(points.tolist())) and set(points) <= set(kept)
    assert np.diff(np.searchsorted(kept, points)).max() <= np.ceil(len(kept) / 120) and points[-1] == kept[-1]
    assert measured.data["embedding"].shape == (2, 120, 2)
    for name in ("value", "health", "step", "episode"):
        np.testing.assert_array_equal(measured.data[name].values, rows[name].values[points])
    names = measured.data["action_name"].values
    heads = small_recording.attributes["action_heads"]
    for index, row in enumerate(points):
        chosen = [heads[head][int(each)] for head, each in zip(heads, rows["action"].values[row], strict=True)]
        assert names[int(measured.data["action"][index])] == (", ".join(c for c in chosen if c != "none") or "nothing")
        (objects,) = small_recording.objects(row, row + 1)
        expected = min(objects, key=lambda each: each["distance"])["class_index"] if objects else -1
        nearest = int(measured.data["nearest"][index])
        assert measured.data["nearest_name"].values[nearest] == (
            small_recording.world.object_classes[expected] if objects else "nothing"
        )
    assert "at even distances among the 300 of the recording" in measured.data.attrs["caption"]


def test_the_seed_decides_everything_and_a_saved_result_comes_back(small_recording, measured, tmp_path) -> None:
    again = embedding(small_recording, agent=small_agent(), parameters=SMALL, maximum_points=120, burn_in_steps=4)
    assert again.data.equals(measured.data)
    loaded = load_result(measured.save(tmp_path / "embedding.nc"))
    assert loaded.data.equals(measured.data)


def test_what_an_interrupted_run_left_is_used_again(
    small_recording: Recording, measured: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = {"neighbours": 0, "embeddings": 0}
    real = {"nearest_neighbours": statistics.nearest_neighbours, "embed": statistics.embed}

    def searching(*given: object, **named: object) -> object:
        counted["neighbours"] += 1
        return real["nearest_neighbours"](*given, **named)  # type: ignore[operator]

    def optimising(*given: object, **named: object) -> object:
        counted["embeddings"] += 1
        if counted["embeddings"] == 2:
            raise KeyboardInterrupt
        return real["embed"](*given, **named)  # type: ignore[operator]

    import sys

    module = sys.modules["retinoscope.analyses.behaviour.embedding"]
    monkeypatch.setattr(module, "nearest_neighbours", searching)
    monkeypatch.setattr(module, "embed", optimising)

    def run(**changed: int) -> Result:
        settings = {"maximum_points": 120, "burn_in_steps": 4, **changed}
        return embedding(small_recording, agent=small_agent(), parameters=SMALL, cache=tmp_path, **settings)

    with pytest.raises(KeyboardInterrupt):
        run()
    assert counted == {"neighbours": 2, "embeddings": 2}  # the second layer was interrupted in its embedding
    assert run().data.equals(measured.data)
    assert counted == {"neighbours": 2, "embeddings": 3}
    assert not list(tmp_path.glob(".*"))
    damaged = next(tmp_path.glob("affinities-fc-*.npz"))
    damaged.write_bytes(damaged.read_bytes()[:1000])
    assert run().data.equals(measured.data)
    assert counted == {"neighbours": 3, "embeddings": 3}
    run(seed=1)  # other embeddings of the same affinities
    assert counted == {"neighbours": 3, "embeddings": 5}
    run(maximum_points=100)
    assert counted == {"neighbours": 5, "embeddings": 7}


def test_other_activity_of_the_same_shape_is_not_taken_from_the_cache(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    planted = [PlantedActivity({"fc": random.normal(size=(60, 5))}, 20) for _ in range(2)]
    first, second = (embedding(each, parameters=SMALL, cache=tmp_path) for each in planted)  # type: ignore[arg-type]
    fresh = embedding(planted[1], parameters=SMALL)  # type: ignore[arg-type]
    assert second.data.equals(fresh.data) and not second.data.equals(first.data)
    assert len(list(tmp_path.glob("affinities-fc-*.npz"))) == len(list(tmp_path.glob("embedding-fc-*.npz"))) == 2


def test_the_key_of_the_cache_knows_points_their_kind_and_what_they_are_computed_with() -> None:
    points = np.arange(12, dtype=np.float32).reshape(4, 3)
    others = [points + 1, points.T.reshape(4, 3), points.reshape(3, 4), points.view(np.int32)]
    keys = [content_key(each, {"perplexity": 8.0}) for each in (points, *others)]
    keys.append(content_key(points, {"perplexity": 9.0}))
    assert len(set(keys)) == 6
    assert content_key(np.asfortranarray(points), {"perplexity": 8.0}) == keys[0]


def test_it_is_drawn_once_for_every_variable_that_colours_it() -> None:
    drawings = ANALYSIS.draw(planted())
    names = tuple(each.name.removeprefix("embedding_") for each in drawings)
    assert names == ("embedding", "health", "action", "nearest", "event", "seconds", "episode")
    assert "coloured by the critic's value" in drawings[0].title
    assert all(each.caption.startswith("t-SNE of n = 320") and "neighbours" in each.caption for each in drawings)


def test_the_burn_in_at_hand_is_used(small_recording: Recording) -> None:
    known = burn_in(small_recording, agent=small_agent())
    known.data["steps"].values[...] = 7
    given = embedding(
        small_recording, agent=small_agent(), parameters=SMALL, burn_in_steps=None, given={"burn_in": known}
    )
    assert given.data["step"].values.min() == 7


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"layers": ("conv1",)}, "embedding of 'conv1': is not in .*; choose from fc, rnn"),
        ({"layers": ()}, "layers is empty; name at least 1"),
        ({"perplexity": 100.0}, "has 300 decisions .* perplexity 100 needs at least 302"),
        ({"maximum_points": 10}, "maximum_points is 10; perplexity 8 with 5 neighbours needs at least 26"),
        ({"burn_in_steps": 39}, "behind the first 39 of every episode"),
        ({"perplexity": 0.5}, "perplexity is 0.5"),
        ({"neighbours": 0}, "neighbours is 0"),
        ({"neighbours": 25}, "at most 3 times the perplexity"),
        ({"jobs": 0}, "jobs is 0"),
        ({"time_neighbour_seconds": 0.0}, "time_neighbour_seconds is 0; give a number above 0"),
        ({"perplexty": 3}, "no parameter 'perplexty'"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(small_recording, settings, message) -> None:
    with pytest.raises(UserError, match=message) as caught:
        embedding(small_recording, agent=small_agent(), parameters=SMALL, **settings)
    assert "\n" not in str(caught.value)


def test_a_recording_of_another_agent_is_refused(small_recording) -> None:
    with pytest.raises(UserError, match="another agent"):
        embedding(small_recording, agent=small_agent(seed=1), parameters=SMALL)


def test_too_few_decisions_are_said_to_be_not_measurable(small_recording: Recording) -> None:
    with pytest.raises(NotMeasurable, match="has 300 decisions"):
        embedding(small_recording, agent=small_agent(), perplexity=100.0, burn_in_steps=0)


def test_a_single_episode_has_no_interval() -> None:
    data = np.random.default_rng(0).normal(size=(60, 5))
    result = embedding(PlantedActivity({"fc": data}, 60), parameters=dataclasses.replace(SMALL))  # type: ignore[arg-type]
    assert np.isnan(result.data["kept_low"].values).all() and np.isfinite(result.data["kept"].values).all()
    assert "in 1 episode," in result.data.attrs["caption"] and "nan" not in result.data.attrs["evidence"]


def test_points_that_are_equal_are_said_to_be():
    states = np.random.default_rng(0).standard_normal((6, 8)).astype(np.float32)
    settings = {"perplexity": 5.0, "neighbours": 3, "burn_in_steps": 0, "jobs": 1}
    again = ArrayRecording({"state": states[np.arange(90) % 6]}, episode_lengths=[45, 45])
    assert "In state they have 6 different activities" in embedding(again, **settings).data.attrs["caption"]
    noise = np.random.default_rng(1).standard_normal((90, 8)).astype(np.float32)
    other = ArrayRecording({"state": noise}, episode_lengths=[45, 45])
    assert "different activities" not in embedding(other, **settings).data.attrs["caption"]
