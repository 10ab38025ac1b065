"""Which analyses there are, in the order in which they run and stand on the page.

A new analysis is one more entry in its family's file in `analyses/families/` and one in the file of the same name in
`report/drawings/`; `analyze` itself does not change.
"""

from __future__ import annotations

from collections.abc import Iterable

from retinoscope.analyses.analysis import ALWAYS, Analysis, Inputs, Options
from retinoscope.analyses.families import always, attribution, components, dataset, environment
from retinoscope.errors import UserError

__all__ = ["ALWAYS", "ANALYSES", "Analysis", "Inputs", "Options", "select_analyses"]

ANALYSES: tuple[Analysis, ...] = (
    *always.ANALYSES,
    *environment.ANALYSES,
    *attribution.ANALYSES,
    *dataset.ANALYSES,
    *components.ANALYSES,
)


def select_analyses(responses: Iterable[str] = ()) -> tuple[Analysis, ...]:
    """The analyses that always run and those of the families asked for, in the order of `ANALYSES`.

    Raises:
        UserError: there is no such family.
    """
    asked = [responses] if isinstance(responses, str) else list(responses)
    families = tuple(dict.fromkeys(each.family for each in ANALYSES if each.family != ALWAYS))
    for family in asked:
        if family not in families:
            always_run = " and ".join(each.title.lower() for each in ANALYSES if each.family == ALWAYS)
            raise UserError(
                f"responses {family!r}: unknown; choose from {', '.join(families)}, or leave it out: {always_run} "
                "always run"
            )
    return tuple(each for each in ANALYSES if each.family == ALWAYS or each.family in asked)
