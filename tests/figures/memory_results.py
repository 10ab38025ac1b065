"""Small Results of fixed points, dose responses and interventions at several doses, their numbers drawn at random."""

from __future__ import annotations

import itertools

import numpy as np
import xarray

from retinoscope.result import Result

_CAPTION = "word " * 60
_OUTPUTS = ["turn none", "turn left", "turn right", "move none", "move forward", "move backward"]


def fixed_points(views: int = 4) -> Result:
    """Under each view and the mean input a stable point, a slow one and one with a direction that grows."""
    random = np.random.default_rng(0)
    held = [*(f"view {each + 1}" for each in range(views)), "mean input"]
    networks = ["trained", "before training"]
    points = list(itertools.product(networks, held, ["stable", "slow", "unstable"]))
    count, modes = len(points), 6
    sizes = np.sort(random.uniform(0.1, 0.999, (count, modes)), axis=1)[:, ::-1].copy()
    sizes[[kind == "unstable" for *_, kind in points], 0] = 1.1
    angle = np.where(np.arange(modes) % 3, 0.0, 0.3)
    data = xarray.Dataset(
        {
            "kind": ("point", [kind for *_, kind in points]),
            "starts": ("point", random.uniform(0, 0.5, count)),
            "place": (("point", "axis"), random.normal(size=(count, 3))),
            "slow_in_plane": (("point", "axis"), random.normal(size=(count, 3)) / 2),
            "eigenvalue_real": (("point", "mode"), sizes * np.cos(angle)),
            "eigenvalue_imaginary": (("point", "mode"), sizes * np.sin(angle)),
            "time_constant": (("point", "mode"), -1 / np.log(sizes)),
            "trajectory": (
                ("network", "stretch", "step", "axis"),
                random.normal(size=(2, 5, 20, 3)).cumsum(axis=2) / 3,
            ),
            "variance_share": (("network", "axis"), np.array([[0.4, 0.2, 0.1]] * 2)),
            "view": (("held", "height", "width", "channel"), random.integers(0, 256, (len(held), 12, 16, 3), np.uint8)),
            "view_row": ("held", [*range(10, 10 + views), -1]),
            "view_share": ("held", [*[1 / views] * views, np.nan]),
        },
        coords={
            "network": networks,
            "held": held,
            "point_network": ("point", [network for network, *_ in points]),
            "point_input": ("point", [name for _, name, _ in points]),
        },
        attrs={"caption": _CAPTION},
    )
    return Result("fixed_points", data, {}, {"agent": "planted"})


def dose_response(directions: int = 6) -> Result:
    """Of units, with an untrained network."""
    random = np.random.default_rng(0)
    doses, lags = np.arange(-3, 4), np.arange(8)
    grown = (1 + np.arange(directions))[:, None] * doses**2 / 9
    falling = (1 + np.arange(directions))[:, None] * 0.5**lags
    change = random.normal(size=(directions, 1, len(_OUTPUTS))) * doses[:, None] / 10
    by_dose, by_lag = ("direction", "dose"), ("direction", "lag")
    found = {
        "random_divergence": (by_dose, grown / 2),
        "random_divergence_most": (by_dose, grown * 0.8),
        "untrained_divergence": (by_dose, grown / 20),
        "random_steered": (by_lag, falling / 2),
        "random_patched": (by_lag, falling / 4),
        "patched_whole": (by_lag, falling * 2),
        "p": ("direction", random.uniform(0, 1, directions)),
    }
    for name, dimensions, values in (
        ("divergence", by_dose, grown),
        ("change", (*by_dose, "output"), change),
        ("steered", by_lag, falling),
        ("patched", by_lag, falling / 3),
    ):
        reach = 0.1 * np.abs(values) + 1e-3
        found |= {name: (dimensions, values), f"{name}_low": (dimensions, values - reach)}
        found[f"{name}_high"] = (dimensions, values + reach)
    coords = {"direction": [f"unit:{each}" for each in range(directions)], "dose": doses, "lag": lags}
    data = xarray.Dataset(found, coords | {"output": _OUTPUTS}, {"caption": _CAPTION})
    return Result("dose_response", data, {}, {"agent": "planted"})


def doses_in_episodes(result: Result) -> Result:
    """A Result of interventions as if its edits were of two directions, in turn, at rising doses."""
    data = result.data
    count = data.sizes["edited"]
    target = np.arange(count) % 2
    dose = np.arange(count) // 2 - 1.0
    names = [f"component:{each} {size:+g}" for each, size in zip(target, dose, strict=True)]
    data = data.assign_coords(
        edited_name=("edited", names), edited_target=("edited", target), edited_dose=("edited", dose)
    )
    return Result("intervention", data, result.parameters, result.provenance)
