"""Attribution in arenas that cannot be shown without their stimuli: it is left out with a reason, the rest is made."""

from __future__ import annotations

import pytest

from retinoscope.workflows import analyze
from tests.arenas import build_arena
from tests.foreign import counted_arena
from tests.rollouts.recordings import small_agent


@pytest.mark.engine
@pytest.mark.parametrize(
    ("kind", "reason"),
    [("made elsewhere", "cannot be shown without what is in it"), ("with obstacles", "attribution cannot tell what lies behind")],
)
def test_attribution_is_left_out_with_a_reason_and_the_rest_is_made(kind, reason, tmp_path):
    if kind == "made elsewhere":
        arena = counted_arena(tmp_path / "arena")[0]
    else:
        arena = build_arena(tmp_path / "arena", "apples", obstacles={"count": 60})
    # Of those that always run, the quick one.
    wanted = ("simulation", "episode_attribution", "attribution_checks")
    run = analyze(small_agent(), out=tmp_path / "out", frames=60, world=arena, only=wanted)
    assert set(run.manifest["omitted"]) == {"episode_attribution", "attribution_checks"}
    page = run.report.read_text(encoding="utf-8")
    for name, said in run.manifest["omitted"].items():
        assert reason in said and "\n" not in said
        assert f"{name}_not_made.txt" in {each["path"] for each in run.manifest["products"]}
    assert reason in page
    made = {each["path"] for each in run.manifest["products"]}
    assert {"figures/simulation.png", "movies/simulation.mp4", "results/simulation.nc"} <= made
