"""Encoders of the user's own in the networks that are trained here: any module from pixels to features.

A run keeps where its code is and the hash of it, never the code. So nothing that came with a run is executed: only a
file of this machine that is the one which was trained with.
"""

from __future__ import annotations

import hashlib
import inspect
from pathlib import Path
from typing import Any

import torch
from torch import nn

from retinoscope.agents.networks import Encoder, NetworkConfig
from retinoscope.errors import UserError, said
from retinoscope.user_code import load_named

_ADVICE = "let it be a class of torch.nn.Module, or a function that returns a module"


class OwnEncoder(nn.Module):
    """(batch, channel, height, width) normalised pixels -> (batch, `out_features`), by the user's module."""

    def __init__(self, config: NetworkConfig, observation_shape: tuple[int, int, int]) -> None:
        """Build for observations of shape (height, width, channel).

        Raises:
            UserError: the code is not there, is not the one that was trained with, fails, or gives no features.
        """
        super().__init__()
        text, sha256 = config.own.rsplit("#", 1)
        path = Path(text.rpartition(":")[0])
        if not path.is_file():
            raise UserError(f"network: its code {path} is not on this machine; put it there")
        if _sha256(path) != sha256:
            raise UserError(f"network: {path} is not as it was when this network was made; restore that version of it")
        made = load_named(text, object, "network", _ADVICE)
        self.greyscale = config.greyscale
        self.module = _made(made, observation_shape, text)
        self.out_features = _features(self.module, (1 if config.greyscale else observation_shape[2]), observation_shape)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = self.module(self.select_colours(pixels))
        return features

    def select_colours(self, pixels: torch.Tensor) -> torch.Tensor:
        """The channels that the module gets: all, or their mean."""
        return pixels.mean(dim=1, keepdim=True) if self.greyscale else pixels


def described(text: str) -> str:
    """`file.py:Name` with the file's absolute path and the hash of its content, as `NetworkConfig.own` holds it.

    Raises:
        UserError: there is no such file, or the text is of another form.
    """
    place, colon, name = text.rpartition(":")
    path = Path(place).resolve()
    if not colon or not name.isidentifier() or path.suffix != ".py":
        raise UserError(f"network {text!r}: is no code; give file.py:Name")
    if not path.is_file():
        raise UserError(f"network {text!r}: there is no file {place}")
    return f"{path}:{name}#{_sha256(path)}"


def make_encoder(config: NetworkConfig, observation_shape: tuple[int, int, int]) -> Encoder | OwnEncoder:
    """The encoder of a configuration: one of this package's, or the user's own.

    Raises:
        UserError: it does not fit the observation (height, width, channel), or the user's code cannot be used.
    """
    return OwnEncoder(config, observation_shape) if config.own else Encoder(config, observation_shape)


def _made(found: Any, observation_shape: tuple[int, int, int], text: str) -> nn.Module:
    module = found
    if not isinstance(found, nn.Module):
        if not callable(found):
            raise UserError(f"network {text!r}: is a {type(found).__name__}; {_ADVICE}")
        try:
            takes_shape = any(
                each.default is each.empty and each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
                for each in inspect.signature(found).parameters.values()
            )
            module = found(observation_shape) if takes_shape else found()
        except UserError:
            raise
        except Exception as error:
            raise UserError(f"network {text!r}: making it fails with {said(error)}") from error
    if not isinstance(module, nn.Module):
        raise UserError(f"network {text!r}: gives a {type(module).__name__}; {_ADVICE}")
    return module


def _features(module: nn.Module, channels: int, observation_shape: tuple[int, int, int]) -> int:
    height, width, _ = observation_shape
    try:
        with torch.no_grad():
            given = module(torch.zeros(2, channels, height, width))
    except Exception as error:
        shape = f"(2, {channels}, {height}, {width})"
        raise UserError(f"network: it fails on pixels {shape} with {said(error)}; correct the module") from error
    if not isinstance(given, torch.Tensor) or given.ndim != 2 or len(given) != 2 or not given.is_floating_point():
        what = str(tuple(given.shape)) if isinstance(given, torch.Tensor) else type(given).__name__
        raise UserError(f"network: it gives {what} for 2 pictures; it must give features (2, feature)")
    return given.shape[1]


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
