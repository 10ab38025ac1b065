"""Pages that tests of the explorer open, and the browser they open them in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import retinoscope
from retinoscope.rollouts import ArrayRecording
from tests.analyses.dataset_runs import few_digits
from tests.examples.running import EXAMPLES
from tests.page.explorer.browser import Explorer, browsing
from tests.sharing import made_once

EVIL = '<img src=x onerror="document.title=1">'
ANALYSES = (
    *("receptive_fields", "field_movie", "embedding", "raster", "event_triggered", "dataset_examples"),
    *("component_gallery", "episode_attribution", "shown_images", "dataset_attribution"),
)
SETTINGS = {
    "fitted_components": {"components": "ica:4"},
    "receptive_fields": {"max_stimuli": 512},
    "field_movie": {"max_stimuli": 128},
    "episode_attribution": {"method": "gradient", "targets": ("value",), "stop": 16, "checked_frames": 4, "workers": 1},
    "shown_images": {"images": 40, "fit_images": 40, "layers": ("fc",), "checkpoints": False},
    "dataset_attribution": {"images_per_class": 1, "method": "gradient"},
}
PLACES = "arena distance=100,200 bearing=0"


@pytest.fixture(scope="session")
def shipped(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the shipped agent."""

    def make(folder: Path) -> None:
        shown = {"dataset": few_digits(8), "presentation": PLACES}
        retinoscope.analyze("digits", out=folder / "run", frames=700, only=ANALYSES, settings=SETTINGS, **shown)

    return made_once(pytestconfig, tmp_path_factory, "explored", make) / "run" / "index.html"


@pytest.fixture(scope="session")
def breakout(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of somebody else's agent in another world."""

    def make(folder: Path) -> None:
        agent = retinoscope.load_agent(f"{EXAMPLES / 'breakout' / 'agent.py'}:agent")
        retinoscope.record(agent, frames=200, out=folder / "recording.zarr")
        retinoscope.explore(folder / "recording.zarr", out=folder / "page")

    return made_once(pytestconfig, tmp_path_factory, "explored-breakout", make) / "page" / "index.html"


@pytest.fixture(scope="session")
def arrays(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Activity of anyone, without frames, actions or a value; names are not to be trusted, numbers may be missing."""
    random = np.random.default_rng(0)
    activity = random.normal(size=(400, 6)).cumsum(0).astype(np.float32)
    activity[100:120, 2] = np.nan
    recording = ArrayRecording({EVIL: activity})
    return retinoscope.explore(recording, out=tmp_path_factory.mktemp("arrays") / "page").page


@pytest.fixture(scope="module")
def explorer() -> Iterator[Explorer]:
    with browsing() as found:
        yield found


@pytest.fixture
def nothing_to_complain_of(explorer: Explorer) -> Iterator[None]:
    """Nothing is blocked by the page's policy, nothing fails uncaught, and no name becomes markup."""
    explorer.complaints.clear()
    yield
    assert explorer.complaints == []
