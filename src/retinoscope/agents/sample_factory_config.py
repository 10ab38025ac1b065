"""Reading the network's shape out of a Sample Factory configuration, without importing Sample Factory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

import pydantic

from retinoscope.agents.networks import MEANT_BEFORE, NetworkConfig, described_network
from retinoscope.errors import UserError

_OWN_ENCODERS = get_args(NetworkConfig.model_fields["encoder"].annotation)
_ADDED_LATER = (*MEANT_BEFORE, "channels", "kernel_sizes", "strides", "paddings", "own")
"""Fields that configurations written by earlier versions do not have."""


def network_config_of(configuration: Mapping[str, Any]) -> NetworkConfig:
    """The network of a run with this package's encoder.

    Raises:
        UserError: the configuration does not say all of it, or something that these networks cannot be.
    """
    _require(configuration, "encoder_custom", "use_rnn")
    encoder = configuration["encoder_custom"]
    if encoder not in _OWN_ENCODERS:
        raise UserError(f"encoder_custom is {encoder!r}; the encoders of this package are {', '.join(_OWN_ENCODERS)}")
    shape = [name for name in NetworkConfig.model_fields if name not in ("encoder", "rnn", *_ADDED_LATER)]
    _require(configuration, *shape)
    fields = {name: configuration[name] for name in (*shape, *_ADDED_LATER) if name in configuration}
    return _network(configuration, fields | {"encoder": encoder})


def older_network_config_of(configuration: Mapping[str, Any]) -> NetworkConfig:
    """The network of a run of the older system, whose stride is that of the first convolution alone.

    With Sample Factory 1 its dense and its recurrent layer are of one size. Before its stride could be set it was 1,
    and its activation function was Sample Factory's before it had one of its own.

    Raises:
        UserError: as `network_config_of`.
    """
    shape = ("global_channels", "retinal_bottleneck", "vvs_depth", "kernel_size")
    activation = "activation" if "activation" in configuration else "nonlinearity"
    size = "hidden_size" if "hidden_size" in configuration else "rnn_size"
    _require(configuration, *shape, activation, size, "use_rnn")
    fields = {name: configuration[name] for name in shape} | {
        "encoder": "lindsey",
        "retinal_stride": configuration.get("retinal_stride", 1),
        "strided_convolutions": 1,
        "activation": configuration[activation],
        "hidden_size": configuration[size],
        "rnn_size": configuration.get("rnn_size", configuration[size]),
    }
    return _network(configuration, fields)


def require_one_layer(configuration: Mapping[str, Any]) -> None:
    """Raises `UserError` where the memory of a run has several layers."""
    layers = configuration.get("rnn_num_layers", 1)
    if configuration.get("use_rnn") and layers != 1:
        raise UserError(f"its memory has {layers} layers; with this encoder only one GRU or none is supported")


def _require(configuration: Mapping[str, Any], *names: str) -> None:
    for name in names:
        if configuration.get(name) is None:
            raise UserError(f"the configuration does not say {name}; restore it from the run")


def _network(configuration: Mapping[str, Any], fields: dict[str, Any]) -> NetworkConfig:
    rnn = str(configuration.get("rnn_type", "gru")) if configuration["use_rnn"] else "none"
    if rnn not in ("gru", "none"):
        raise UserError(f"its memory is {rnn!r}; with this encoder only one GRU or none is supported")
    try:
        return described_network({**fields, "rnn": rnn})
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"{first['loc'][0]} is {first['input']!r}; {first['msg']}") from None
