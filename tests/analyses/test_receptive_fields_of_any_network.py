"""Receptive fields of networks as others write them: padded, of unequal strides, cropped, larger than the picture."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import retinoscope
from retinoscope.agents.agent import Agent
from retinoscope.agents.policy import Policy
from retinoscope.analyses.early_vision.receptive_field_parameters import settle
from retinoscope.analyses.early_vision.receptive_field_places import windows_of
from retinoscope.analyses.early_vision.receptive_fields import ReceptiveFieldParameters, receptive_fields
from retinoscope.errors import NotMeasurable
from retinoscope.worlds.declaration import Declaration, Picture
from retinoscope.worlds.world import World
from tests.agents.networks import Breakout, Impala, Nature, channels_first

QUICK: dict[str, Any] = {"max_stimuli": 2, "batch_size": 1}


def policy_of(module: nn.Module, shape: tuple[int, int, int], actions: int = 4, **more: Any) -> Policy:
    torch.manual_seed(0)
    more = {"preprocess": channels_first} | more
    return retinoscope.from_module(module, observation_shape=shape, actions=actions, **more).policy


class Tall(nn.Module):
    """One linear convolution of a kernel and strides that differ, and a dense layer."""

    def __init__(self, padding: tuple[int, int] = (0, 0)) -> None:
        super().__init__()
        self.look = nn.Conv2d(3, 5, (4, 3), stride=(3, 2), padding=padding)
        self.out = nn.LazyLinear(4)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.out(self.look(pixels).flatten(1))


def tall(shape: tuple[int, int, int], **more: Any) -> Policy:
    module = Tall(more.pop("padding", (0, 0)))
    module(more.get("preprocess", channels_first)(torch.zeros(1, *shape)))
    return policy_of(module, shape, **more)


def test_filters_of_a_padded_convolution_come_back_each_from_its_own_channel() -> None:
    policy = policy_of(Breakout(), (80, 80, 1), initial_state=256)
    data = receptive_fields(policy, layers="conv1", target_reliability=0.995).data
    fields, truth = data["conv1"].values, np.moveaxis(policy.module.conv1.weight.numpy(), 1, -1)
    lengths = [np.linalg.norm(each.reshape(32, -1), axis=1) for each in (fields, truth)]
    assert ((fields * truth).sum(axis=(1, 2, 3)) / np.prod(lengths, axis=0)).min() > 0.99
    said = data["conv1"].attrs
    assert (said["row_stride_pixels"], said["column_stride_pixels"], said["top"], said["left"]) == (2, 2, -1, -1)
    assert said["border_units_see_less"] == 1 and said["whole_pictures"] == 0
    caption = "patches of 3 × 3 pixels, stride 2; n = 32 units of conv1. The first field begins at row −1, column −1 of"
    assert caption in said["caption"] and "units at its border see less of it than others" in said["caption"]


def test_strides_that_differ_are_both_said() -> None:
    policy = tall((20, 30, 3))
    data = receptive_fields(policy, **QUICK).data
    np.testing.assert_allclose(data["look"].values, np.moveaxis(policy.module.look.weight.numpy(), 1, -1), atol=1e-6)
    said = data["look"].attrs
    assert (said["row_stride_pixels"], said["column_stride_pixels"], said["note"]) == (3, 2, "")
    assert "patches of 4 × 3 pixels, strides 3 (rows) and 2 (columns); n = 5" in said["caption"]
    assert "border" not in said["caption"] and "begins" not in said["caption"]


def test_a_unit_whose_field_no_picture_holds_is_shown_whole_pictures_and_this_is_said() -> None:
    policy = policy_of(Impala((3, 4), 16), (16, 16, 3), 15, preprocess=None)
    layer = "blocks_1_res1_sum"
    data = receptive_fields(policy, layers=layer, **QUICK).data
    said, field = data[layer].attrs, policy.receptive_field(layer)
    assert data[layer].shape == (4, 16, 16, 3) and said["whole_pictures"] == 1
    assert (said["field_height"], said["field_width"]) == (field.height, field.width) and field.height > 16
    assert "whole pictures of 16 × 16 pixels; n = 4 units" in said["caption"]
    why = f"Whole pictures, because fields of {field.height} × {field.width} pixels do not fit into one"
    assert f"{why}: answers are those of the unit in row 3 of 4, column 3 of 4." in said["caption"]


def test_of_pictures_in_which_units_see_little_the_part_that_they_see_is_drawn() -> None:
    class Stretched(nn.Module):
        """The darkest pixel of a picture becomes black, so that every unit sees all of it, if only so."""

        def __init__(self) -> None:
            super().__init__()
            self.conv, self.out = nn.Conv2d(3, 4, 5, stride=4), nn.Linear(4 * 81, 4)

        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            return self.out(self.conv(pixels - pixels.amin((1, 2, 3), keepdim=True)).flatten(1))

    data = receptive_fields(policy_of(Stretched(), (40, 40, 3)), max_stimuli=256).data["conv"]
    assert data.shape == (4, 40, 40, 3)
    drawn = [data.attrs[f"drawn_{each}"] for each in ("top", "bottom", "left", "right")]
    assert drawn == [16, 21, 16, 21]  # of the unit in the middle
    assert (
        "Drawn are rows 16 to 20 and columns 16 to 20 of these, which hold 99% of the squared" in data.attrs["caption"]
    )
    assert "Note: amin is taken over the whole picture." in data.attrs["caption"]


def test_what_could_not_be_followed_is_said_beside_the_field() -> None:
    class Mixing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second, self.out = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 2, 1), nn.Linear(2 * 64, 4)

        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            spectrum = torch.fft.fft2(self.first(pixels / 255)).abs()
            return self.out(self.second(spectrum).flatten(1))

    policy = policy_of(Mixing(), (10, 10, 3))
    layers = [layer for layer in policy.layers if layer.is_map and policy.receptive_field(layer.name).note]
    assert layers
    data = receptive_fields(policy, layers=(layers[0].name,), **QUICK).data
    note = data[layers[0].name].attrs["note"]
    assert note.startswith("field not known: ") and f"Note: {note}." in data[layers[0].name].attrs["caption"]


@pytest.mark.parametrize(
    ("module", "shape", "more", "expected"),
    [
        (Nature(), (84, 84, 4), {"actions": 6}, ["network_0", "network_2", "network_4"]),
        (Breakout(), (80, 80, 1), {"initial_state": 256}, ["conv1", "conv2", "conv3", "conv4"]),
        (
            Impala(),
            (64, 64, 3),
            {"actions": 15, "preprocess": None},
            ["blocks_0_conv", "blocks_0_res1_sum", "blocks_1_res1_sum", "blocks_2_res1_sum"],
        ),
        (nn.Sequential(nn.Flatten(), nn.Linear(48, 7), nn.ReLU(), nn.Linear(7, 4)), (4, 4, 3), {}, ["layer_1"]),
    ],
    ids=["Nature", "Breakout", "IMPALA", "no map"],
)
def test_layers_default_to_the_maps_of_the_encoder_or_the_ends_of_its_stages(
    module: nn.Module, shape: tuple[int, int, int], more: dict[str, Any], expected: list[str]
) -> None:
    policy = policy_of(module, shape, **more)
    assert list(settle(policy, ReceptiveFieldParameters()).layers or ()) == expected


def test_a_default_that_leaves_maps_out_says_so_and_a_choice_does_not() -> None:
    policy = policy_of(Impala((2, 2, 2), 16), (16, 16, 3), 15, preprocess=None)
    asked = {"units": {"blocks_0_conv": [0]}} | QUICK
    said = receptive_fields(policy, **asked).data["blocks_0_conv"].attrs["caption"]
    assert "Of the 21 maps of the encoder, 4 are shown, the ends of its stages; `layers` names others." in said
    chosen = receptive_fields(policy, layers="blocks_0_conv:0", **QUICK).data["blocks_0_conv"].attrs["caption"]
    assert "maps of the encoder" not in chosen


@pytest.mark.parametrize(
    ("policy", "layer", "rows", "columns"),
    [
        (tall((20, 30, 3)), "look", range(0, 17, 3), range(0, 28, 2)),
        (tall((20, 30, 3), padding=(2, 1)), "look", range(1, 17, 3), range(1, 28, 2)),
        (
            tall((20, 30, 3), preprocess=lambda pixels: channels_first(pixels[:, 5:17])),
            "look",
            range(5, 14, 3),
            range(0, 28, 2),
        ),
        (policy_of(Impala((3, 4), 16), (16, 16, 3), 15, preprocess=None), "blocks_1_res1_sum", [0], [0]),
        (tall((20, 30, 3)), "policy", [0], [0]),
    ],
    ids=["plain", "padded", "cropped", "larger than the picture", "no map"],
)
def test_windows_on_recorded_observations_are_the_whole_fields_of_units(
    policy: Policy, layer: str, rows: Any, columns: Any
) -> None:
    assert windows_of(policy, policy.layer(layer)) == (tuple(rows), tuple(columns))


def test_the_middle_unit_stands_for_those_that_are_not_evenly_spaced() -> None:
    policy = policy_of(
        nn.Sequential(nn.AdaptiveAvgPool2d(4), nn.Conv2d(3, 4, 1), nn.ReLU(), nn.Flatten(), nn.Linear(64, 4)),
        (10, 10, 3),
    )
    (layer,) = [each for each in policy.layers if each.kind == "convolution"]
    field = policy.receptive_field(layer.name)
    assert not field.row_stride and field.height < 10
    assert windows_of(policy, layer) == ((field.top,), (field.left,))
    said = receptive_fields(policy, layers=(layer.name,), **QUICK).data[layer.name].attrs["caption"]
    assert "These are the fields of the unit in row 3 of 4, column 3 of 4." in said and "stride" not in said


def test_gradients_over_recorded_observations_are_those_in_the_windows() -> None:
    policy = tall((20, 30, 3), padding=(2, 1))
    observations = np.random.default_rng(0).integers(0, 256, (3, 20, 30, 3), dtype=np.uint8)
    found = receptive_fields(policy, layers="look", observations=observations, **QUICK).data["look"].values
    np.testing.assert_allclose(found, np.moveaxis(policy.module.look.weight.numpy(), 1, -1), atol=1e-6)


def test_where_no_gradient_reaches_the_pixels_noise_can_be_asked_for() -> None:
    policy = tall((20, 30, 3), preprocess=lambda pixels: channels_first(torch.from_numpy(pixels.numpy())))
    with pytest.raises(NotMeasurable, match="^layer 'look': gradients do not reach the pixels: .*use method 'noise'"):
        receptive_fields(policy, **QUICK)
    data = receptive_fields(policy, method="noise", max_stimuli=20_000, target_reliability=0.9).data
    assert data["look"].shape == (5, 20, 30, 3)  # which pixels a unit sees cannot be told
    assert float(data["look_reliability"].min()) > 0.9


class Stacking(World):
    """A world of four stacked grey frames."""

    declaration = Declaration("stacking", "ab" * 32, "", Picture(84, 84, 4, frames=4), ())

    def environment(self, *, objects_in_view: bool = True, window: bool = False) -> Any:
        raise NotImplementedError


def test_channels_are_called_what_the_world_calls_them() -> None:
    policy = policy_of(Nature(), (84, 84, 4), 6)
    settings = {"layers": "network_0:0"} | QUICK
    known = receptive_fields(Agent("with its world", policy, world=Stacking()), **settings).data["colour"].values
    assert known.tolist() == ["grey 3 frames ago", "grey 2 frames ago", "grey 1 frames ago", "grey"]
    alone = receptive_fields(policy, **settings).data["colour"].values
    assert alone.tolist() == ["channel 0", "channel 1", "channel 2", "channel 3"]
