"""Responses to image data sets: `--responses dataset`."""

from __future__ import annotations

from typing import Any

from retinoscope.agents.agent import Agent
from retinoscope.agents.load import load_agent
from retinoscope.analyses.action_given_stimulus import ActionParameters, action_given_stimulus
from retinoscope.analyses.analysis import Analysis, Inputs, Options
from retinoscope.analyses.dataset_attribution import DatasetAttributionParameters, dataset_attribution
from retinoscope.analyses.dataset_embedding import EmbeddingParameters, dataset_embedding
from retinoscope.analyses.dataset_presentation import PresentationParameters, dataset_presentation
from retinoscope.analyses.decoding import DecodingParameters, decoding
from retinoscope.analyses.display import display
from retinoscope.analyses.recurrent_response import RecurrentParameters, recurrent_response
from retinoscope.analyses.result import Result
from retinoscope.analyses.twin_comparison import TwinParameters, twin_comparison
from retinoscope.scenarios import ArenaArchive


def require_showable(agent: Agent, arena: ArenaArchive, options: Options) -> None:
    """Refuse images, places and a twin that cannot be used before anything is recorded, not minutes later.

    Raises:
        UserError: one of them cannot be used.
    """
    display(agent, arena, options.dataset, options.presentation, dict(options.class_effects))
    if options.twin is not None:
        load_agent(options.twin)


def _common(options: Options) -> dict[str, Any]:
    return {
        "dataset": options.dataset,
        "presentation": options.presentation,
        "class_effects": dict(options.class_effects),
        "progress": options.progress,
    }


def _presentation(inputs: Inputs, options: Options) -> Result:
    parameters = PresentationParameters(seed=options.seed)
    return dataset_presentation(inputs.agent, inputs.recording, inputs.arena, parameters=parameters, **_common(options))


def _embedding(inputs: Inputs, options: Options) -> Result:
    parameters = EmbeddingParameters(seed=options.seed)
    return dataset_embedding(inputs.agent, inputs.arena, parameters=parameters, **_common(options))


def _decoding(inputs: Inputs, options: Options) -> Result:
    parameters = DecodingParameters(seed=options.seed)
    return decoding(inputs.agent, inputs.arena, parameters=parameters, **_common(options))


def _actions(inputs: Inputs, options: Options) -> Result:
    parameters = ActionParameters(seed=options.seed)
    return action_given_stimulus(inputs.agent, inputs.arena, parameters=parameters, **_common(options))


def _attribution(inputs: Inputs, options: Options) -> Result:
    parameters = DatasetAttributionParameters(seed=options.seed)
    return dataset_attribution(inputs.agent, inputs.arena, parameters=parameters, **_common(options))


def _recurrent(inputs: Inputs, options: Options) -> Result:
    parameters = RecurrentParameters(seed=options.seed)
    return recurrent_response(inputs.agent, inputs.recording, inputs.arena, parameters=parameters, **_common(options))


def _twin(inputs: Inputs, options: Options) -> Result:
    parameters = TwinParameters(seed=options.seed)
    return twin_comparison(inputs.agent, options.twin, inputs.arena, parameters=parameters, **_common(options))


ANALYSES: tuple[Analysis, ...] = (
    Analysis("dataset_presentation", "Images as shown", "dataset", ("agent", "recording", "arena"), _presentation),
    Analysis("dataset_embedding", "Responses in the plane", "dataset", ("agent", "arena"), _embedding),
    Analysis("decoding", "Decoding", "dataset", ("agent", "arena"), _decoding),
    Analysis("action_given_stimulus", "Actions given a stimulus", "dataset", ("agent", "arena"), _actions),
    Analysis("recurrent_response", "Responses of the memory", "dataset", ("agent", "recording", "arena"), _recurrent),
    Analysis("dataset_attribution", "Attribution on images", "dataset", ("agent", "arena"), _attribution),
    Analysis("twin_comparison", "Agent and supervised twin", "dataset", ("agent", "arena"), _twin),
)
