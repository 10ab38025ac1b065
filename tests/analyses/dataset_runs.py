"""Results of the analyses of shown images, each made once from the shipped agent and few images."""

from __future__ import annotations

import functools

import numpy as np

import retinoscope
from retinoscope.result import Result
from retinoscope.scenarios.image_sets import LabelledImages, load_labelled_images
from retinoscope.stimuli.places import Presentation

NEAR = Presentation(distances=(100.0,), bearings=(0.0,))


@functools.cache
def few_digits(per_class: int = 24) -> LabelledImages:
    """Of every digit the same number, a quarter of them held out."""
    every = load_labelled_images("digits")
    chosen = np.concatenate([np.flatnonzero(every.labels == label)[:per_class] for label in range(10)])
    is_test = np.tile(np.arange(per_class) % 4 == 0, 10)
    return LabelledImages("few digits", every.images[chosen], every.labels[chosen], every.class_names, is_test)


@functools.cache
def decoding_result() -> Result:
    """All checkpoints of the shipped digits agent."""
    from retinoscope.analyses.images.decoding import DecodingParameters, decoding

    agent, parameters = retinoscope.load_agent("digits"), DecodingParameters(("conv2", "fc", "policy"), permutations=20)
    return decoding(agent, parameters=parameters, dataset=few_digits(), presentation=NEAR, components=30)


@functools.cache
def action_result() -> Result:
    """All checkpoints, at one place near and one far."""
    from retinoscope.analyses.images.action_given_stimulus import action_given_stimulus

    presentation = Presentation(distances=(100.0, 400.0), bearings=(0.0, 20.0))
    return action_given_stimulus(
        retinoscope.load_agent("digits"), dataset=few_digits(), presentation=presentation, images=200
    )


@functools.cache
def embedding_result() -> Result:
    """Of the last dense layer."""
    from retinoscope.analyses.images.dataset_embedding import DatasetEmbeddingParameters, dataset_embedding

    parameters = DatasetEmbeddingParameters(("fc",), images=150, perplexity=12)
    return dataset_embedding(
        retinoscope.load_agent("digits"), dataset=few_digits(), presentation=NEAR, parameters=parameters
    )


@functools.cache
def attribution_result() -> Result:
    """Of the probability of walking forward."""
    from retinoscope.analyses.images.dataset_attribution import DatasetAttributionParameters, dataset_attribution

    parameters = DatasetAttributionParameters(("probability:move forward",), images_per_class=2)
    return dataset_attribution(
        retinoscope.load_agent("digits"), dataset=few_digits(), presentation=NEAR, parameters=parameters
    )
