"""What a network costs, counted: against products counted by hand."""

from __future__ import annotations

import pytest
import torch

from retinoscope.analyses.attribution import attribution_checks as checks
from retinoscope.attribution.cost import operations, operations_per_frame
from retinoscope.attribution.parameters import AttributionMethod
from retinoscope.attribution.randomisation import stages
from retinoscope.attribution.targets import parse_target
from tests.synthetic import small_policy

SETTINGS = {"steps": 4, "samples": 2, "noise_sigma": 25.5, "window": 10, "stride": 10, "disc_spacing": 10}


def test_a_product_of_matrices_costs_two_operations_for_each_pair() -> None:
    left, right = torch.zeros(3, 5), torch.zeros(5, 7)
    assert operations(lambda: left @ right) == 2 * 3 * 5 * 7


@pytest.mark.parametrize(
    ("method", "passes"),
    # Of a picture of 24 x 20 pixels, 3 x 2 squares or discs; forward alone, and once without any.
    [
        ("gradient", 2),
        ("gradient_x_input", 0),
        ("integrated_gradients", 8),
        ("smoothgrad", 4),
        ("occlusion", 7),
        ("perturbation", 7),
    ],
)
def test_a_frame_costs_its_maps_before_and_after_every_randomisation_and_its_curves(
    method: AttributionMethod, passes: int
) -> None:
    policy = small_policy()
    assert policy.observation_shape == (24, 20, 3)
    frame = torch.zeros(1, 24, 20, 3)
    once = operations(lambda: policy.step(frame, policy.initial_state(1)))
    curves = 2 * 6 * 3  # deleted and inserted, six shares of the pixels, the map and two orders beside it
    found = operations_per_frame(policy, [parse_target(policy, "value")], (method,), SETTINGS)
    assert found == once * (passes * (1 + len(stages(policy))) + curves)


def test_only_large_networks_are_judged_by_fewer_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    policy, chosen = small_policy(), checks.AttributionCheckParameters()
    wanted, methods = [parse_target(policy, "value")], ("gradient",)

    def frames() -> int:
        return checks._affordable(policy, wanted, methods, chosen)

    each = operations_per_frame(policy, wanted, methods, chosen.settings)
    assert frames() == 500
    monkeypatch.setattr(checks, "_BUDGET_OPERATIONS", 123.5 * each)
    assert frames() == 123
    monkeypatch.setattr(checks, "_BUDGET_OPERATIONS", 1.0)
    assert frames() == 60
