"""Networks on the same frames: what they evoke is what was recorded, and their similarity is that of slow formulas."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from retinoscope.analyses.between_agents import showing_stimuli
from retinoscope.analyses.between_agents.representations import ANALYSIS, representations
from retinoscope.analyses.between_agents.showing_stimuli import Network, stimuli_of
from retinoscope.analyses.compared import Compared, Member, Views
from retinoscope.analyses.drawing import FigureDrawing, TableDrawing
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.result import Result, load_result
from retinoscope.testing import planted_inputs
from tests.comparing.planted import compared, drawn, permuted, planted, renamed

QUICK: dict[str, Any] = {"shuffles": 5, "shape_shuffles": 2, "groups": 3}


@pytest.fixture(scope="module")
def found() -> Result:
    agent, recording = planted()
    return representations(
        compared(agent, permuted(agent, "permuted")[0], drawn(agent, "other", 3), recording=recording), **QUICK
    )


def value(result: Result, measure: str, one: str, other: str, stimuli: str = "frames") -> float:
    return float(result.data[measure].sel(stimuli=stimuli, representation=one, other=other))


@pytest.mark.parametrize("stretch", [4096, 50])
def test_memories_are_driven_by_the_frames_in_their_order(stretch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the agent that was recorded computes what it computed then, however the frames are cut."""
    monkeypatch.setattr(showing_stimuli, "STRETCH", stretch)
    agent, recording = planted()
    stored = recording.rows(names=("fc", "rnn", "logits"))
    policy = agent.policy
    network = Network(policy, [policy.layer(name) for name in ("fc", "rnn", "policy")])
    passed = 0
    for each in stimuli_of(compared(agent, renamed(agent, "again"), recording=recording))[0].stretches():
        rows = np.arange(len(each.unit))
        evoked = network.evoked(each, network.begin(each), rows)
        for name, column in (("fc", "fc"), ("rnn", "rnn"), ("policy", "logits")):
            expected = stored[column].values[passed : passed + len(rows)]
            np.testing.assert_allclose(evoked[name], expected, atol=1e-5)
        passed += len(rows)
    assert passed == recording.frames


def test_two_recordings_are_both_shown_and_each_keeps_its_own_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(showing_stimuli, "STRETCH", 100)
    agent, recording = planted()
    both = Compared((Member("a", "a", agent), Member("b", "b", agent)), (recording, recording))
    policy = agent.policy
    network = Network(policy, [policy.layer("rnn")])
    parts = []
    for each in stimuli_of(both)[0].stretches():
        parts.append(network.begin(each)["rnn"])
        assert len(np.unique(each.unit)) >= 2
    first = np.concatenate([each[: len(each) // 2] for each in parts])
    second = np.concatenate([each[len(each) // 2 :] for each in parts])
    np.testing.assert_allclose(first, second, atol=1e-6)
    np.testing.assert_allclose(first, recording.rows(names=("rnn",))["rnn"].values, atol=1e-5)


def test_cka_is_that_of_the_blocks_that_are_said(found: Result) -> None:
    """Of what was recorded, by sums over single stimuli: HSIC_1 of Song et al. 2012, equation 5."""
    _, recording = planted()
    rows = recording.rows(names=("fc", "rnn"))
    count = -(-recording.frames // 128)
    totals = dict.fromkeys(itertools.product(("fc", "rnn"), repeat=2), 0.0)
    for first in range(count):
        block = {name: rows[name].values[first::count].astype(float) for name in ("fc", "rnn")}
        for one, other in totals:
            totals[one, other] += slow_hsic(block[one], block[other])
    expected = totals["fc", "rnn"] / np.sqrt(totals["fc", "fc"] * totals["rnn", "rnn"])
    assert value(found, "cka", "planted · fc", "planted · rnn") == pytest.approx(expected, abs=1e-5)


def test_the_start_of_episodes_can_be_left_out() -> None:
    agent, recording = planted()
    found = representations(
        compared(agent, renamed(agent, "again"), recording=recording), layers=("fc", "rnn"), skip=20, **QUICK
    )
    rows = recording.rows(names=("fc", "rnn"))
    late = rows["step"].values >= 20
    count = -(-int(late.sum()) // 128)
    totals = dict.fromkeys(itertools.product(("fc", "rnn"), repeat=2), 0.0)
    for first in range(count):
        block = {name: rows[name].values[late][first::count].astype(float) for name in ("fc", "rnn")}
        for one, other in totals:
            totals[one, other] += slow_hsic(block[one], block[other])
    expected = totals["fc", "rnn"] / np.sqrt(totals["fc", "fc"] * totals["rnn", "rnn"])
    assert value(found, "cka", "planted · fc", "planted · rnn") == pytest.approx(expected, abs=1e-5)
    assert "first 20 decisions of episodes are not compared" in found.data.attrs["caption"]
    with pytest.raises(NotMeasurable, match="no frames are left"):
        representations(compared(agent, renamed(agent, "again"), recording=recording), skip=1000, **QUICK)


def slow_hsic(first: np.ndarray, second: np.ndarray) -> float:
    """n (n - 3) times HSIC_1."""
    count = len(first)
    one, other = first @ first.T, second @ second.T
    together = sum(one[i, j] * other[i, j] for i in range(count) for j in range(count) if i != j)
    of_one = [sum(one[i, j] for j in range(count) if j != i) for i in range(count)]
    of_other = [sum(other[i, j] for j in range(count) if j != i) for i in range(count)]
    cross = sum(a * b for a, b in zip(of_one, of_other, strict=True))
    return together + sum(of_one) * sum(of_other) / ((count - 1) * (count - 2)) - 2 * cross / (count - 2)


def test_the_same_function_in_other_coordinates_is_at_no_distance(found: Result) -> None:
    for layer in ("conv1", "fc", "rnn", "policy"):
        one, other = f"planted · {layer}", f"permuted · {layer}"
        assert value(found, "cka", one, other) == pytest.approx(1, abs=1e-5)
        assert value(found, "rsa", one, other) == pytest.approx(1, abs=1e-5)
        assert value(found, "angle", one, other) < 5e-3
    assert value(found, "cka", "planted · rnn", "other · rnn") < 0.9


def test_layers_find_each_other(found: Result) -> None:
    shares = found.data["found"].sel(stimuli="frames", found_member="planted", found_other="permuted")
    assert (shares == 1).all()
    assert float(found.data["found_by_chance"].sel(found_member="planted", found_other="permuted")) == 1 / 7
    redrawn = found.data["found"].sel(stimuli="frames", found_member="planted", found_other="other")
    assert (redrawn < 1).all()


def test_references_stand_beside(found: Result) -> None:
    roles = dict(zip(found.data["member"].values.tolist(), found.data["role"].values.tolist(), strict=True))
    assert roles == {
        "stimuli": "pixels",
        "planted": "agent",
        "permuted": "agent",
        "other": "agent",
        "planted redrawn": "redrawn",
        "permuted redrawn": "redrawn",
        "other redrawn": "redrawn",
    }
    assert "before training is not known of planted, permuted, other" in found.data.attrs["caption"]
    members = found.provenance["members"]
    assert [each["name"] for each in members if each["role"] == "agent"] == ["planted", "permuted", "other"]


def test_it_is_saved_and_drawn(found: Result, tmp_path) -> None:
    again = load_result(found.save(tmp_path / "r.nc"))
    drawings = ANALYSIS.draw(again)
    figures = [each for each in drawings if isinstance(each, FigureDrawing)]
    assert [each.name for each in figures] == ["representations", "representations_by_layer_frames"]
    for each in figures:
        assert any(axes.has_data() for axes in each.draw().axes)
    (table,) = [each for each in drawings if isinstance(each, TableDrawing)]
    first = next(row for row in table.rows if row[:2] == ("planted", "permuted"))
    assert first[2:] == ("two trainings", "frames", "100%", "100%", "100%", "14%")


def test_checkpoints_of_one_training_are_a_course() -> None:
    agent, recording = planted()
    members = tuple(
        Member(f"run {frames}", "run", renamed(drawn(agent, "run", frames), "run", frames_trained=frames))
        for frames in (0, 5, 10)
    )
    found = representations(Compared(members, (recording,)), layers=("fc",), **QUICK)
    kinds = found.data["pair_kind"].values.tolist()
    assert kinds == ["learned", "course", "course"]
    assert found.data["pair_first"].values.tolist() == ["run 10", "run 0", "run 5"]
    assert "representations_over_training" in [each.name for each in ANALYSIS.draw(found)]
    for each in ANALYSIS.draw(found):
        if isinstance(each, FigureDrawing):
            each.draw()


def test_images_are_shown_from_the_state_at_the_start_of_an_episode() -> None:
    agent, recording = planted()
    pixels = recording.rows(names=("observation",))["observation"].values[:40]
    views = Views(pixels, np.arange(40) // 2, "20 images at 2 places")
    both = compared(agent, drawn(agent, "other", 1), views=views)
    (shown,) = stimuli_of(both)
    (stretch,) = shown.stretches()
    network = Network(agent.policy, [agent.policy.layer("rnn")])
    evoked = network.begin(stretch)["rnn"]
    import torch

    with torch.no_grad(), agent.policy.capture("rnn") as activity:
        agent.policy.step(torch.from_numpy(pixels), agent.policy.initial_state(40))
    np.testing.assert_allclose(evoked, activity["rnn"].numpy(), atol=1e-5)
    found = representations(both, layers=("fc", "rnn"), **QUICK)
    assert found.data["stimuli"].values.tolist() == ["images"]


def test_agents_that_cannot_be_compared_are_refused_in_a_line() -> None:
    agent, recording = planted()
    others = planted_inputs("stacked frames")
    with pytest.raises(UserError, match=r"see pictures of \(24, 20, 3\) and \(32, 40, 9\)"):
        compared(agent, others.agent)
    with pytest.raises(UserError, match=r"holds frames of \(32, 40, 9\)"):
        compared(agent, renamed(agent, "again"), recording=others.recording)
    with pytest.raises(UserError, match="named twice"):
        compared(agent, agent)
    with pytest.raises(UserError, match="no comparison"):
        compared(agent)
    with pytest.raises(UserError, match="unknown; this agent has"):
        representations(compared(agent, renamed(agent, "again"), recording=recording), layers=("nothing",))
    with pytest.raises(NotMeasurable, match="nothing that all agents could be shown"):
        representations(compared(agent, renamed(agent, "again")))
