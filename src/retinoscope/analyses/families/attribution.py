"""Attribution: `--responses attribution`."""

from __future__ import annotations

from retinoscope.analyses.analysis import Analysis, Inputs, Options
from retinoscope.analyses.attribution import EpisodeAttributionParameters, attribution
from retinoscope.analyses.attribution_checks import AttributionCheckParameters, attribution_checks
from retinoscope.analyses.result import Result

MOVIE_DECISIONS = 1000
"""The most that `analyze` puts into the attribution movies; the shipped arenas end an episode after 525."""

_FEWEST_STRETCHES = 5


def _attribution(inputs: Inputs, options: Options) -> Result:
    longest = max(each.stop - each.start for each in inputs.recording.episodes)
    parameters = EpisodeAttributionParameters(
        lag_steps=min(EpisodeAttributionParameters.lag_steps, longest - 1),
        most_decisions=MOVIE_DECISIONS,
        seed=options.seed,
    )
    return attribution(inputs.agent, inputs.recording, inputs.arena, parameters, progress=options.progress)


def _attribution_checks(inputs: Inputs, options: Options) -> Result:
    defaults = AttributionCheckParameters()
    stretch = min(defaults.stretch_frames, max(1, inputs.recording.frames // _FEWEST_STRETCHES))
    parameters = AttributionCheckParameters(stretch_frames=stretch, seed=options.seed)
    return attribution_checks(inputs.agent, inputs.recording, inputs.arena, parameters, progress=options.progress)


ANALYSES: tuple[Analysis, ...] = (
    Analysis("attribution", "Attribution", "attribution", ("agent", "recording", "arena"), _attribution),
    Analysis(
        "attribution_checks",
        "Is the attribution about the agent?",
        "attribution",
        ("agent", "recording", "arena"),
        _attribution_checks,
    ),
)
