"""One file per analysis: what it needs, its parameters, run -> Result."""

from retinoscope.analyses.action_given_stimulus import action_given_stimulus
from retinoscope.analyses.activation_movies import activation_movies, movie_blocks
from retinoscope.analyses.attribution import attribution
from retinoscope.analyses.attribution_checks import attribution_checks
from retinoscope.analyses.burn_in import burn_in, choose_burn_in
from retinoscope.analyses.component_gallery import component_gallery
from retinoscope.analyses.components import components
from retinoscope.analyses.dataset_attribution import dataset_attribution
from retinoscope.analyses.dataset_embedding import dataset_embedding
from retinoscope.analyses.dataset_examples import dataset_examples
from retinoscope.analyses.dataset_presentation import dataset_presentation
from retinoscope.analyses.decoding import decoding
from retinoscope.analyses.embedding import embedding
from retinoscope.analyses.event_triggered import event_triggered
from retinoscope.analyses.intervention import effects_of, intervene
from retinoscope.analyses.principal_components import first_component, principal_components
from retinoscope.analyses.raster import raster
from retinoscope.analyses.receptive_fields import cross_check, receptive_fields
from retinoscope.analyses.recurrent_response import recurrent_response
from retinoscope.analyses.scenario_preview import scenario_preview
from retinoscope.analyses.simulation import simulation
from retinoscope.analyses.training_progress import training_progress
from retinoscope.analyses.twin_comparison import twin_comparison

__all__ = [
    "action_given_stimulus",
    "activation_movies",
    "attribution",
    "attribution_checks",
    "burn_in",
    "choose_burn_in",
    "component_gallery",
    "components",
    "cross_check",
    "dataset_attribution",
    "dataset_embedding",
    "dataset_examples",
    "dataset_presentation",
    "decoding",
    "effects_of",
    "embedding",
    "event_triggered",
    "first_component",
    "intervene",
    "movie_blocks",
    "principal_components",
    "raster",
    "receptive_fields",
    "recurrent_response",
    "scenario_preview",
    "simulation",
    "training_progress",
    "twin_comparison",
]
