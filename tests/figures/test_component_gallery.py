"""Contact sheets show every sample once, on one scale, and nothing over anything else."""

from __future__ import annotations

import numpy as np
import pytest
import xarray

from retinoscope.errors import UserError
from retinoscope.figures.component_gallery import component_gallery
from retinoscope.result import Result
from tests.figures.test_components import assert_nothing_overlaps


def planted(places: int = 3, shown: int = 8, has_maps: bool = True) -> Result:
    random = np.random.default_rng(0)
    shape = (2, 3, places)
    dimensions = ("component", "level", "place")
    samples = np.arange(6 * places).reshape(shape)
    samples[1, 1, -1] = -1
    data = xarray.Dataset(
        {
            "sample": (dimensions, samples),
            "name": (dimensions, samples.astype(str)),
            "activation": ((*dimensions, "step"), random.normal(size=(*shape, 16))),
            "frames": (
                (*dimensions, "shown", "height", "width", "channel"),
                random.integers(0, 256, (*shape, shown, 6, 8, 3), dtype=np.uint8),
            ),
        },
        coords={"component": [4, 9], "level": ["high", "middle", "low"], "shown": np.arange(1, 16, 2)[-shown:]},
        attrs={"caption": "word " * 60},
    )
    if has_maps:
        maps = random.normal(size=(*shape, shown, 6, 8)).astype(np.float32)
        data["attribution"] = ((*dimensions, "shown", "height", "width"), maps)
    return Result("component_gallery", data, {"gradient_step": 15, "components": "ica:16"}, {"agent": "planted"})


@pytest.mark.parametrize(("places", "shown", "has_maps"), [(3, 8, True), (1, 4, True), (4, 8, False)])
def test_a_sheet_is_legible_and_complete(places: int, shown: int, has_maps: bool) -> None:
    result = planted(places, shown, has_maps)
    figure = component_gallery(result, 9)
    words = assert_nothing_overlaps(figure)
    there = result.data["sample"].sel(component=9).values
    assert {f"sample {each}" for each in there.ravel() if each >= 0} <= set(words)
    assert ("no further sample in the list" in words) == (there == -1).any()
    assert {"high", "middle", "low"} <= set(words)
    strips = [np.asarray(image.get_array()) for image in figure.axes[0].images]
    assert len(strips) == (there >= 0).sum()
    chosen = result.data.sel(component=9)
    for strip, (level, place) in zip(strips, np.argwhere(there >= 0), strict=True):
        frames = chosen["frames"].values[level, place]
        for number, frame in enumerate(frames):  # 8 pixels wide, and one between
            np.testing.assert_array_equal(strip[:6, 9 * number : 9 * number + 8, :3], frame)
        assert strip.shape == (12 if has_maps else 6, 9 * shown - 1, 4)
        assert (strip[:, 8::9, 3] == 0).all() and (strip[:, :8, 3] == 255).all()
    left, right, bottom, top = figure.axes[0].images[0].get_extent()
    assert top < bottom  # inches from above: the first row is at the top
    # A pixel is as high as it is wide.
    assert (bottom - top) / len(strips[0]) == pytest.approx((right - left) / strips[0].shape[1])
    (edges,) = {len(each.get_paths()) for each in figure.axes[0].collections}
    assert edges == shown


def test_attribution_is_centred_on_zero_and_on_one_scale() -> None:
    result = planted()
    result.data["attribution"].values[0] = 0
    result.data["attribution"].values[0, 0, 0, 0, 0, :2] = (1.0, -1.0)
    result.data["attribution"].values[0, 0, 0, 1, 0, 0] = 0.25
    strip = np.asarray(component_gallery(result).axes[0].images[0].get_array())[6:, :, :3].astype(float) / 255
    first, second = strip[:, :8], strip[:, 9:17]
    neutral = first[3, 3]
    assert neutral.min() > 0.95  # white at zero
    assert first[0, 0, 0] > first[0, 0, 2] and first[0, 1, 0] < first[0, 1, 2]  # red raises, blue lowers
    assert 0 < np.abs(second[0, 0] - neutral).sum() < np.abs(first[0, 0] - neutral).sum()


def test_what_is_not_there_is_refused() -> None:
    with pytest.raises(UserError, match="component 5"):
        component_gallery(planted(), 5)
    with pytest.raises(UserError, match="'simulation'"):
        component_gallery(Result("simulation", xarray.Dataset()))
