"""What captions say of attribution: the method, its baseline, how it was checked."""

from __future__ import annotations

from typing import Any

import xarray

from retinoscope.analyses.attribution.attribution_summary import first_judged

METHOD_NAMES = {
    "gradient": "gradient",
    "gradient_x_input": "gradient × (input − baseline)",
    "guided_backprop": "guided backpropagation",
    "integrated_gradients": "integrated gradients",
    "smoothgrad": "SmoothGrad",
    "occlusion": "occlusion",
}
"""What people call the methods."""


def badge(one: xarray.Dataset, prefix: str, threshold: float, layers: tuple[str, ...]) -> str:
    """Whether the maps of one target pass the randomisation of parameters."""
    verdict = "passed" if bool(one[f"{prefix}passed"]) else "FAILED"
    found, chance, absolute = (
        float(one[f"{prefix}{name}"]) for name in ("strength", "strength_chance", "absolute_similarity")
    )
    return (
        f"Parameter randomisation: {verdict}, |ρ| = {found:.2f} (mean over frames of the rank correlation of signed "
        f"maps without its sign, worst from {layers[first_judged(layers)]} down; chance {chance:.2f}, passed up to "
        f"{threshold:g} above it; absolute maps, not judged: ρ = {absolute:.2f}; "
        f"n = {int(one[f'{prefix}checked_frames'])} frames)."
    )


def stretch_caption(data: xarray.Dataset, settings: dict[str, Any]) -> str:
    """Over what and how the maps of an episode were made."""
    method, count = str(data.attrs["method"]), data.sizes["time"]
    how = {
        "integrated_gradients": f", {settings['steps']} steps",
        "smoothgrad": f", {settings['samples']} samples, σ {settings['noise_sigma']:g} pixel units",
        "occlusion": f", squares of {settings['window']} pixels every {settings['stride']}",
    }.get(method, "")
    unit = "target units per pixel unit" if method in ("gradient", "guided_backprop", "smoothgrad") else "target units"
    baseline = (
        " Baseline: the same view of the arena without stimuli."
        if method in ("gradient_x_input", "integrated_gradients", "occlusion")
        else ""
    )
    first = int(data.attrs["first_step"])
    whole = "" if data.attrs["is_complete"] else ", which the end of the recording cut short"
    return (
        f"{METHOD_NAMES[method].capitalize()}{how}; {unit}, summed over colours.{baseline} Episode "
        f"{int(data.attrs['episode']) + 1}{whole}, decisions {first + 1} to {first + count} (n = {count:,}); the "
        "recurrent state that entered each is taken as given."
    )
