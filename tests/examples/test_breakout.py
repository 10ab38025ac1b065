"""The published agent of Breakout: it sees what it saw in its training, and its memory knows where the ball is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import retinoscope
from tests.examples.running import EXAMPLES, analyzed, imported, run
from tests.warm import Warm

AGENT = f"{EXAMPLES / 'breakout' / 'agent.py'}:agent"
RED = (200, 72, 72)  # of the ball, the paddle and the first row of bricks


def frames(decisions: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """What the emulator shows and holds while the agent plays."""
    example = imported("breakout")
    environment, policy = example.make_environment(), example.agent().policy
    state, random = policy.initial_state(1), torch.Generator().manual_seed(0)
    observation, _ = environment.reset(seed=0)
    shown, held = [], []
    for _ in range(decisions):
        step = policy.step(torch.from_numpy(observation)[None], state)
        state = step.state
        action = int(torch.multinomial(step.logits.softmax(1), 1, generator=random))
        observation, _, terminated, truncated, _ = environment.step(action)
        assert not (terminated or truncated)
        shown.append(environment.unwrapped.ale.getScreenRGB())
        held.append(environment.unwrapped.ale.getRAM())
    environment.close()
    return shown, held


@pytest.fixture(scope="module")
def played() -> tuple[list[np.ndarray], list[np.ndarray]]:
    return frames(300)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> retinoscope.Recording:
    out = tmp_path_factory.mktemp("breakout") / "recording.zarr"
    return retinoscope.record(retinoscope.load_agent(AGENT), frames=6000, environments=12, out=out)


def test_the_addresses_in_memory_are_those_of_ball_and_paddle(
    played: tuple[list[np.ndarray], list[np.ndarray]],
) -> None:
    example = imported("breakout")
    seen = 0
    for frame, memory in zip(*played, strict=True):
        free = (frame[93:189, 8:152] == RED).all(axis=2)  # below the bricks, above the paddle, between the walls
        if free.sum() == 8:  # the whole ball: 2 x 4 pixels
            rows, columns = np.nonzero(free)
            middle = columns.mean() + 8, rows.mean() + 93
            assert middle == tuple(memory[address] + more for address, more in (example.BALL_X, example.BALL_Y))
            seen += 1
        paddle = np.nonzero((frame[190, 8:152] == RED).all(axis=1))[0] + 8
        if len(paddle) == 16:
            assert paddle.mean() == memory[example.PADDLE_X[0]] + example.PADDLE_X[1]
    assert seen > 200


def test_pictures_are_what_the_old_library_made(played: tuple[list[np.ndarray], list[np.ndarray]]) -> None:
    """Against torch's own resizing, which shares no code with Pillow's."""
    example = imported("breakout")
    for frame in played[0][::30]:
        grey = torch.from_numpy(frame[35:195].astype(np.float64)).mean(dim=2)
        stretched = 255 * (grey - grey.min()) / (grey.max() - grey.min())
        small = torch.nn.functional.interpolate(stretched[None, None], (80, 80), mode="bilinear", antialias=True)
        picture = example.picture(frame)
        assert picture.shape == (80, 80, 1) and picture.max() == 255 and picture.min() == 0
        np.testing.assert_allclose(picture[..., 0], small[0, 0].numpy(), atol=1.1)


def test_fields_are_those_that_paper_and_pencil_give() -> None:
    policy = imported("breakout").agent().policy
    for layer, size, stride in (("conv1", 3, 2), ("conv2", 7, 4), ("conv3", 15, 8), ("conv4", 31, 16)):
        field = policy.receptive_field(layer)
        assert (field.height, field.row_stride, field.top, field.left) == (size, stride, 1 - stride, 1 - stride)
    assert [layer.name for layer in policy.layers_of("memory")] == ["gru"]


@pytest.mark.engine
def test_it_scores_and_the_memory_holds_the_ball(recording: retinoscope.Recording) -> None:
    """On a small budget; docs/atari.md has the numbers of a larger one."""
    events = recording.rows(names=["events"])["events"]
    bricks, lives = events.sum("time").values
    assert bricks > 8 * lives  # a policy that acts at random breaks 0.3 for every life
    ball = imported("breakout", "ball.py")
    found = ball.decisions_of(recording, most=1200)
    memory, pixels = (
        ball.explained(found.ball, ball.predicted(x, found.ball, found.episodes)) for x in (found.memory, found.pixels)
    )
    other = ball.exchanged(found.ball, found.episodes, 0)
    chance = ball.explained(other, ball.predicted(found.memory, other, found.episodes))
    assert (memory[:2] > 0.5).all() and (chance[:2] < 0.1).all()
    assert (memory > pixels + 0.2).all()


def test_a_planted_ball_is_read_out_and_exchanged_episodes_are_not() -> None:
    ball, random = imported("breakout", "ball.py"), np.random.default_rng(0)
    episodes = np.repeat(np.arange(20), 30)
    places = np.cumsum(random.normal(size=(600, 2)), axis=0)
    for units in (10, 1000):  # fewer and more than decisions
        memory = places @ random.normal(size=(2, units)) + 0.1 * random.normal(size=(600, units))
        assert (ball.explained(places, ball.predicted(memory, places, episodes)) > 0.95).all()
        other = ball.exchanged(places, episodes, 1)
        assert (ball.explained(other, ball.predicted(memory, other, episodes)) < 0.3).all()
    assert sorted(other[:, 0]) == sorted(places[:, 0])


@pytest.mark.engine
def test_the_command_of_the_page_works(recording: retinoscope.Recording, warm: Warm, tmp_path: Path) -> None:
    printed = run(warm, EXAMPLES / "breakout" / "ball.py", recording.path, "1", "600")
    assert "memory" in printed and "pixels of the same step" in printed and "episodes exchanged" in printed
    made = analyzed(warm, tmp_path / "out", AGENT, "--frames", "600", "--only", "event_triggered,receptive_fields")
    assert {"event_triggered", "receptive_fields"} <= made
