"""The encoder's forward pass as it is while it learns: with noise, and with what the loss is told of its activity."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import nn

from retinoscope.agents.networks import ACTIVATIONS, Encoder, NetworkConfig
from retinoscope.agents.own_encoder import OwnEncoder
from retinoscope.errors import UserError
from retinoscope.training.levers import Levers

RETINA = "conv2"


def learning_pass(
    network: Encoder | OwnEncoder, decoder: nn.Module | None, pixels: torch.Tensor, levers: Levers
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Features and auxiliary loss.

    Args:
        network: the encoder.
        decoder: of `make_decoder`.
        pixels: (batch, channel, height, width) normalised.
        levers: noise, and weights of activity penalty and reconstruction.

    Returns:
        (batch, feature), and the sum of the weighted auxiliary losses, (); None where no lever asks for one.
    """
    seen = network.select_colours(pixels)
    activity = _noisy(seen, levers.input_noise, levers)
    if isinstance(network, OwnEncoder):
        return _pass_of_own(network, activity, levers)
    losses: list[torch.Tensor] = []
    for name, stage in network.layers.named_children():
        activity = stage(activity)
        if levers.activity_penalty and name.startswith("conv"):
            losses.append(levers.activity_penalty * activity.abs().mean())
        if name == RETINA:
            activity = _noisy(activity, levers.retinal_noise, levers)
        if decoder is not None and name == levers.reconstruction_layer:
            error = (decoder(activity) - seen.detach()).square().mean()
            losses.append(levers.reconstruction_weight * error)
    return activity, torch.stack(losses).sum() if losses else None


def _pass_of_own(network: OwnEncoder, seen: torch.Tensor, levers: Levers) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Of a module of which nothing is known but that its convolutions can be watched."""
    if not levers.activity_penalty:
        return network.module(seen), None
    found: list[torch.Tensor] = []
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    hooks = [each.register_forward_hook(lambda _, __, activity: found.append(activity)) for each in convolutions]
    try:
        features = network.module(seen)
    finally:
        for hook in hooks:
            hook.remove()
    penalty = levers.activity_penalty * torch.stack([each.abs().mean() for each in found]).sum() if found else None
    return features, penalty


def make_decoder(
    network: Encoder | OwnEncoder, config: NetworkConfig, observation_shape: tuple[int, int, int], levers: Levers
) -> nn.Module | None:
    """The encoder's stages up to the layer to reconstruct from, mirrored and in the opposite order; the last is linear.

    None where nothing is to be reconstructed.

    Raises:
        UserError: the network has no such layer, or no retina that could be noisy.
    """
    if isinstance(network, OwnEncoder):
        for name in ("retinal_noise", "reconstruction_weight"):
            if getattr(levers, name):
                raise UserError(f"{name}: the layers of an encoder of your own are not known; leave it out")
        return None
    stages = [(name, stage) for name, stage in network.layers.named_children() if name != "flatten"]
    names = [name for name, _ in stages]
    if levers.retinal_noise and RETINA not in names:
        raise UserError(f"retinal_noise: this network has no {RETINA}, whose output could be noisy; leave it out")
    if not levers.reconstruction_weight:
        return None
    if levers.reconstruction_layer not in names:
        given = levers.reconstruction_layer
        raise UserError(f"reconstruction_layer: the encoder has no {given!r}; choose from {', '.join(names)}")
    height, width, channels = observation_shape
    activity = torch.zeros(1, 1 if config.greyscale else channels, height, width)
    mirrored: list[tuple[str, nn.Module]] = []
    with torch.no_grad():
        for name, stage in stages[: names.index(levers.reconstruction_layer) + 1]:
            if mirrored:
                mirrored.append((f"activation_before_{name}", ACTIVATIONS[config.activation]()))
            if activity.ndim == 4 and isinstance(_first(stage), nn.Linear):
                mirrored.append(("unflatten", nn.Unflatten(1, tuple(activity.shape[1:]))))
                activity = activity.flatten(1)
            mirrored.append((name, _mirror(_first(stage), activity)))
            activity = stage(activity)
    return nn.Sequential(OrderedDict(reversed(mirrored)))


def _first(stage: nn.Module) -> nn.Module:
    """What stands before the activation function in a stage of an `Encoder`."""
    return next(stage.children())


def _mirror(stage: nn.Module, entering: torch.Tensor) -> nn.Module:
    """The transposed layer, whose output has the size of what entered the layer."""
    if isinstance(stage, nn.Linear):
        return nn.Linear(stage.out_features, stage.in_features)
    if not isinstance(stage, nn.Conv2d) or isinstance(stage.padding, str):
        raise TypeError(f"cannot mirror {stage}")
    (high, wide), (tall, broad) = stage.kernel_size, stage.stride
    (above, beside), (height, width) = stage.padding, entering.shape[2:]
    left_over = ((height + 2 * above - high) % tall, (width + 2 * beside - wide) % broad)
    return nn.ConvTranspose2d(
        stage.out_channels, stage.in_channels, (high, wide), (tall, broad), (above, beside), left_over
    )


def _noisy(activity: torch.Tensor, deviation: float, levers: Levers) -> torch.Tensor:
    """With noise of this standard deviation; of Poisson's law, where the activity is plus or minus 1."""
    if not deviation:
        return activity
    noise = deviation * torch.randn_like(activity)
    return activity + (noise * activity.detach().abs().sqrt() if levers.noise == "poisson" else noise)
