"""APPO through Sample Factory: the only room that imports `sample_factory`."""

from retinoscope.training.config import TrainingConfig
from retinoscope.training.run import train

__all__ = ["TrainingConfig", "train"]
