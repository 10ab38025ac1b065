"""Contact sheets of attribution on shown images: one for each target, one image of each class."""

from __future__ import annotations

from matplotlib.figure import Figure

from retinoscope.errors import UserError
from retinoscope.figures.contact_sheet import contact_sheet
from retinoscope.figures.effect_classes import classes_of, titles_of
from retinoscope.figures.page import Size
from retinoscope.figures.style import require, styled, title_of
from retinoscope.result import Result

__all__ = ["dataset_attribution"]


@styled
def dataset_attribution(
    result: Result, target: str | None = None, *, figsize: Size = None, caption: bool = True
) -> Figure:
    """Draw one image of each class and its attribution to one target.

    Args:
        result: from `analyses.dataset_attribution`.
        target: one of the result's; None for its first.
        figsize: inches; None for what the classes need.
        caption: carry the caption.

    Raises:
        UserError: the result is of another analysis, or has no such target.
    """
    require(result, "dataset_attribution")
    targets = [str(each) for each in result.data["target"].values]
    chosen = targets[0] if target is None else target
    if chosen not in targets:
        raise UserError(f"target {chosen!r}: is not in this result; it has {', '.join(targets)}")
    data = result.data.sel(target=chosen)
    what = chosen.partition(":")[2] or chosen
    inside, area = float(data["inside"].mean()), float(result.data["area"].mean())
    says = (
        f"{result.data.attrs['caption']} Of the absolute plain gradient {inside:.0%} lies on the stimulus (mean over "
        f"{result.parameters['images_per_class']} images of each class, lowest "
        f"{float(data['inside_low'].min()):.0%}), which is {area:.0%} of the view."
    )
    return contact_sheet(
        result.data["observation"].values,
        data["map"].values,
        titles_of(*classes_of(result)),
        title_of(result, f"Attribution of {what}", str(result.parameters["dataset"])),
        says if caption else "",
        "return" if chosen == "value" else "probability",
        columns=5,
        figsize=figsize,
    )
