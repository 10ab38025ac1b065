"""Agents of other views and actions play arenas made elsewhere: against vizdoom itself, pixel by pixel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import vizdoom

import retinoscope
from retinoscope.agents.agent import Agent
from retinoscope.errors import UserError
from retinoscope.worlds.choosing import world_of
from retinoscope.worlds.doom.pixels import area_resized
from retinoscope.worlds.seeds import world_seed
from tests.foreign import vizdoom_folder

OUTPUTS = ("none", "left", "right", "attack")
ONE_HOT = np.vstack([np.zeros(3), np.eye(3)])  # MOVE_LEFT MOVE_RIGHT ATTACK, as Sample Factory presses them


class Small(torch.nn.Module):
    def __init__(self, outputs: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.pool, self.out = torch.nn.AdaptiveAvgPool2d(4), torch.nn.Linear(48, outputs)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.out(self.pool(pixels.permute(0, 3, 1, 2).float() / 255).flatten(1))


def agent(actions: int | tuple[str, ...] = OUTPUTS, shape: tuple[int, int, int] = (72, 128, 3)) -> Agent:
    count = actions if isinstance(actions, int) else len(actions)
    return retinoscope.from_module(Small(count), observation_shape=shape, actions=actions, name="small")


@pytest.fixture
def game(tmp_path: Path) -> Iterator[vizdoom.DoomGame]:
    game = vizdoom.DoomGame()
    game.load_config(str(vizdoom_folder() / "basic.cfg"))
    game.set_doom_config_path(str(tmp_path / "engine.ini"))
    game.set_window_visible(False)
    game.set_screen_format(vizdoom.ScreenFormat.RGB24)
    game.set_labels_buffer_enabled(True)
    game.init()
    yield game
    game.close()


def slowly_averaged(screen: np.ndarray) -> np.ndarray:
    """240 x 320 to 72 x 128: every pixel cut into 3 x 2, of which 10 x 5 are one."""
    cut = screen.repeat(3, axis=0).repeat(2, axis=1).reshape(72, 10, 128, 5, 3).astype(float)
    return np.floor(cut.mean(axis=(1, 3)) + 0.5).astype(np.uint8)


def test_the_view_and_the_one_head_are_those_of_the_agent(game: vizdoom.DoomGame, tmp_path: Path) -> None:
    """Every recorded picture, box and reward, played again by vizdoom with its own reader of the `.cfg`."""
    recording = retinoscope.record(
        agent(), "vizdoom:basic", frames=60, out=tmp_path / "r.zarr", environments=1, workers=1, seed=3
    )
    declared = recording.world
    assert declared.picture.shape == (72, 128, 3)
    assert [(each.name, each.outputs) for each in declared.actions] == [("action", OUTPUTS)]
    assert any("drawn in 320x240 pixels, as the .cfg asks" in note for note in declared.notes)
    rows, objects = recording.rows(), recording.objects()
    boxes = 0
    for row in range(60):
        if rows["step"][row] == 0:
            episode_seed = world_seed(3, 0, int(rows["episode"][row]))
            game.set_seed(int(np.random.default_rng(episode_seed).integers(2**31)))
            game.new_episode()
        state = game.get_state()
        np.testing.assert_array_equal(rows["observation"][row], slowly_averaged(state.screen_buffer))
        seen = [
            [each.x * 0.4, each.y * 0.3, each.width * 0.4, each.height * 0.3]
            for each in state.labels
            if each.object_name == "Cacodemon"
        ]
        ours = [each["box"] for each in objects[row] if declared.object_classes[each["class_index"]] == "Cacodemon"]
        np.testing.assert_allclose(ours, seen, rtol=1e-5)
        boxes += len(seen)
        pressed = ONE_HOT[int(rows["action"][row, 0])].tolist()
        assert rows["reward"][row] == pytest.approx(game.make_action(pressed, 4))
    assert boxes > 10 and len(np.unique(rows["action"])) == 4


def test_means_over_areas_are_those_of_pixels_cut_small() -> None:
    screen = np.random.default_rng(0).integers(0, 256, (240, 320, 3)).astype(np.uint8)
    found, expected = area_resized(screen, 72, 128).astype(int), slowly_averaged(screen)
    # Halves may round either way in single precision, no other mean may.
    assert np.abs(found - expected).max() <= 1 and (found != expected).mean() < 1e-3
    np.testing.assert_array_equal(area_resized(np.full((120, 160, 3), 77, np.uint8), 84, 84), 77)


def test_what_is_not_sure_is_refused_before_anything_is_played(tmp_path: Path) -> None:
    for wrong, message in (
        (agent(4), "'0' does not say which of the buttons MOVE_LEFT, MOVE_RIGHT, ATTACK it presses"),
        (agent(("none", "jump")), "'jump' does not say which"),
    ):
        with pytest.raises(UserError, match=message):
            retinoscope.record(wrong, "vizdoom:basic", frames=8, out=tmp_path / "r.zarr")
    with pytest.raises(UserError, match="shows observations of"):
        world_of(agent(shape=(72, 128, 3)), "digits")
    assert not (tmp_path / "r.zarr").exists()
