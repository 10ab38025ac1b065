"""Attribution in arenas that cannot be shown without their stimuli: views are compared with blurred ones."""

from __future__ import annotations

import pytest

from retinoscope.workflows import analyze
from tests.arenas import build_arena
from tests.foreign import counted_arena
from tests.rollouts.recordings import small_agent

QUICK = {
    "attribution_checks": {"frames": 8, "stretch_frames": 4, "workers": 1, "steps": 3, "samples": 2},
    "episode_attribution": {"start": 4, "stop": 10, "lag_steps": 2, "times": 4, "checked_frames": 4, "workers": 1},
}


@pytest.mark.engine
@pytest.mark.parametrize("kind", ["made elsewhere", "with obstacles"])
def test_attribution_is_made_with_another_baseline_and_the_page_says_so(kind, tmp_path):
    if kind == "made elsewhere":
        arena = counted_arena(tmp_path / "arena")[0]
    else:
        arena = build_arena(tmp_path / "arena", "apples", obstacles={"count": 60})
    # Of those that always run, the quick one.
    wanted = ("simulation", "episode_attribution", "attribution_checks")
    run = analyze(small_agent(), out=tmp_path / "out", frames=60, world=arena, only=wanted, settings=QUICK)
    assert run.manifest["omitted"] == {}
    for name in wanted[1:]:
        captions = [
            each["caption"] for each in run.manifest["products"] if each["analysis"] == name and "caption" in each
        ]
        assert any("the same view, blurred" in each for each in captions), name
    made = {each["path"] for each in run.manifest["products"]}
    assert {"figures/simulation.png", "movies/simulation.mp4", "results/simulation.nc"} <= made
