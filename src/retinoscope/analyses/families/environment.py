"""Responses during behaviour: `--responses environment`."""

from __future__ import annotations

from retinoscope.analyses.activation_movies import ActivationMovieParameters, activation_movies
from retinoscope.analyses.analysis import Analysis, Inputs, Options
from retinoscope.analyses.burn_in import burn_in
from retinoscope.analyses.embedding import embedding
from retinoscope.analyses.event_triggered import event_triggered
from retinoscope.analyses.principal_components import principal_components
from retinoscope.analyses.raster import raster
from retinoscope.analyses.result import Result
from retinoscope.analyses.training_progress import TrainingProgressParameters, training_progress

FAMILY = "environment"


def _training_progress(inputs: Inputs, options: Options) -> Result:
    parameters = TrainingProgressParameters(frames=options.frames, seed=options.seed)
    return training_progress(inputs.agent, inputs.arena, parameters, cache=inputs.cache, progress=options.progress)


def _burn_in(inputs: Inputs, options: Options) -> Result:
    return burn_in(inputs.recording, inputs.agent)


def _activation_movies(inputs: Inputs, options: Options) -> Result:
    parameters = ActivationMovieParameters(frames=options.movie_frames)
    return activation_movies(inputs.agent, inputs.recording, parameters, progress=options.progress)


def _event_triggered(inputs: Inputs, options: Options) -> Result:
    return event_triggered(inputs.recording, inputs.agent, seed=options.seed, progress=options.progress)


def _principal_components(inputs: Inputs, options: Options) -> Result:
    return principal_components(inputs.recording, inputs.agent, seed=options.seed, progress=options.progress)


def _embedding(inputs: Inputs, options: Options) -> Result:
    return embedding(inputs.recording, inputs.agent, cache=inputs.cache, seed=options.seed, progress=options.progress)


def _raster(inputs: Inputs, options: Options) -> Result:
    order = options.raster_order
    return raster(inputs.recording, inputs.agent, order=order, seed=options.seed, progress=options.progress)


ANALYSES: tuple[Analysis, ...] = (
    Analysis("burn_in", "Recurrent start-up", FAMILY, ("agent", "recording"), _burn_in),
    Analysis("activation_movies", "Activation movies", FAMILY, ("agent", "recording"), _activation_movies),
    Analysis("event_triggered", "Activity around pick-ups", FAMILY, ("agent", "recording"), _event_triggered),
    Analysis("training_progress", "Training progress", "training", ("agent", "arena"), _training_progress),
    Analysis("principal_components", "Principal components", FAMILY, ("agent", "recording"), _principal_components),
    Analysis("embedding", "Embedding", FAMILY, ("agent", "recording"), _embedding),
    Analysis("raster", "Raster", FAMILY, ("agent", "recording"), _raster),
)
