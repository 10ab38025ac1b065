"""Independent components of the memory: `--responses components`."""

from __future__ import annotations

from retinoscope.analyses.analysis import Analysis, Inputs, Options
from retinoscope.analyses.component_gallery import component_gallery
from retinoscope.analyses.components import components
from retinoscope.analyses.dataset_examples import ExampleParameters, dataset_examples
from retinoscope.analyses.result import Result

FAMILY = "components"
COMPONENTS = 16
"""How many are looked at; fewer if the memory has fewer units."""


def _parameters(inputs: Inputs, options: Options) -> ExampleParameters:
    """The same for all three, so that they speak of the same components and windows."""
    wanted = min(COMPONENTS, inputs.agent.policy.state_size or COMPONENTS)
    return ExampleParameters(f"ica:{wanted}", leave_out_constant=True, seed=options.seed)


def _components(inputs: Inputs, options: Options) -> Result:
    return components(inputs.recording, _parameters(inputs, options), agent=inputs.agent)


def _dataset_examples(inputs: Inputs, options: Options) -> Result:
    parameters = _parameters(inputs, options)
    return dataset_examples(inputs.recording, parameters, agent=inputs.agent, scratch=inputs.cache)


def _component_gallery(inputs: Inputs, options: Options) -> Result:
    return component_gallery(inputs.recording, inputs.agent, _parameters(inputs, options))


ANALYSES: tuple[Analysis, ...] = (
    Analysis("components", "Components of the memory", FAMILY, ("agent", "recording"), _components),
    Analysis("dataset_examples", "Dataset examples", FAMILY, ("agent", "recording"), _dataset_examples),
    Analysis("component_gallery", "Galleries of the components", FAMILY, ("agent", "recording"), _component_gallery),
)
