"""Reading the network's shape out of a Sample Factory configuration, without importing Sample Factory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from retinoscope.agents.networks import NetworkConfig


def network_config_of(configuration: Mapping[str, Any]) -> NetworkConfig:
    """The network of a run, from its `config.json`; options that are absent take their defaults."""
    fields = {name: configuration[name] for name in NetworkConfig.model_fields if name in configuration}
    fields["encoder"] = configuration.get("encoder_custom", "lindsey")
    fields["rnn"] = configuration["rnn_type"] if configuration["use_rnn"] else "none"
    return NetworkConfig(**fields)
