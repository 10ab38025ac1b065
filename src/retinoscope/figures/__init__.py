"""Result in, Figure or movie out; nothing here computes and nothing here saves."""

from retinoscope.figures.action_given_stimulus import action_given_stimulus, action_given_stimulus_by_place
from retinoscope.figures.activation_movies import activation_frames
from retinoscope.figures.attribution import (
    attribution,
    attribution_frames,
    attribution_lags,
    attribution_through_time,
)
from retinoscope.figures.attribution_checks import attribution_checks
from retinoscope.figures.burn_in import burn_in
from retinoscope.figures.component_gallery import component_gallery
from retinoscope.figures.components import component_correlates, components
from retinoscope.figures.contact_sheet import contact_sheet
from retinoscope.figures.dataset_attribution import dataset_attribution
from retinoscope.figures.dataset_embedding import dataset_embedding
from retinoscope.figures.dataset_examples import dataset_examples
from retinoscope.figures.dataset_presentation import dataset_presentation
from retinoscope.figures.decoding import decoding
from retinoscope.figures.embedding import embedding
from retinoscope.figures.event_triggered import event_triggered, event_triggered_claims, event_triggered_units
from retinoscope.figures.intervention import intervention
from retinoscope.figures.principal_components import (
    principal_components,
    principal_components_map,
    principal_components_time,
)
from retinoscope.figures.raster import raster
from retinoscope.figures.receptive_fields import receptive_fields, receptive_fields_all
from retinoscope.figures.recurrent_response import recurrent_response
from retinoscope.figures.scenario_preview import scenario_preview
from retinoscope.figures.simulation import simulation_frames, simulation_summary
from retinoscope.figures.training_progress import training_progress
from retinoscope.figures.twin_comparison import twin_comparison

__all__ = [
    "action_given_stimulus",
    "action_given_stimulus_by_place",
    "activation_frames",
    "attribution",
    "attribution_checks",
    "attribution_frames",
    "attribution_lags",
    "attribution_through_time",
    "burn_in",
    "component_correlates",
    "component_gallery",
    "components",
    "contact_sheet",
    "dataset_attribution",
    "dataset_embedding",
    "dataset_examples",
    "dataset_presentation",
    "decoding",
    "embedding",
    "event_triggered",
    "event_triggered_claims",
    "event_triggered_units",
    "intervention",
    "principal_components",
    "principal_components_map",
    "principal_components_time",
    "raster",
    "receptive_fields",
    "receptive_fields_all",
    "recurrent_response",
    "scenario_preview",
    "simulation_frames",
    "simulation_summary",
    "training_progress",
    "twin_comparison",
]
