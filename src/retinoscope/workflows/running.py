"""Running analyses one after the other, each Result computed once: bases first, and nothing that is at hand already."""

from __future__ import annotations

import inspect
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import xarray

from retinoscope.analyses.declaration import Analysis, Inputs
from retinoscope.errors import NotMeasurable
from retinoscope.page.products import OMITTED
from retinoscope.progress import say
from retinoscope.result import Result
from retinoscope.workflows.reuse import ResultStore, result_key


@dataclass(frozen=True)
class Made:
    """One analysis of a run.

    Attributes:
        analysis: which.
        result: what it found, or the reason why it could not be made.
        seconds: that it took.
        is_kept: the Result is one computed before.
    """

    analysis: Analysis
    result: Result
    seconds: float
    is_kept: bool


def run_analyses(
    analyses: Iterable[Analysis],
    inputs: Inputs,
    parameters: Mapping[str, Any],
    store: ResultStore,
    identity: Mapping[str, Any],
    progress: bool = False,
) -> Iterator[Made]:
    """Make each Result, or find it made before; one that cannot be made is the reason why.

    Args:
        analyses: each behind those it builds on.
        inputs: what they work on.
        parameters: of each, by name.
        store: where Results are kept and found again.
        identity: what makes two runs the same.
        progress: show bars on a terminal, and elsewhere a line at the start and end of each.
    """
    chosen = tuple(analyses)
    keys: dict[str, str] = {}
    results: dict[str, Result] = {}
    for number, each in enumerate(chosen):
        began = time.monotonic()
        bases = {name: keys[name] for name in each.builds_on}
        keys[each.name] = result_key(each, parameters[each.name], bases, identity)
        result = store.find(each, keys[each.name])
        is_kept = result is not None
        if result is None:
            with stage(each.name, progress):
                result = store.keep(computed(each, inputs, parameters[each.name], results, progress), keys[each.name])
        else:
            say(f"kept {each.name}", progress)
        yield Made(each, result, time.monotonic() - began, is_kept)
        needed = {name for later in chosen[number + 1 :] for name in later.builds_on}
        results = {name: one for name, one in (results | {each.name: result}).items() if name in needed}


def computed(
    analysis: Analysis, inputs: Inputs, parameters: Any, results: Mapping[str, Result], progress: bool = False
) -> Result:
    """The Result of an analysis; where it cannot be made, one with nothing but the reason, in the attribute `omitted`.

    Args:
        analysis: which.
        inputs: what it works on.
        parameters: its own.
        results: at least those it builds on, by name.
        progress: show a bar on a terminal.
    """
    given = {name: results[name] for name in analysis.builds_on if OMITTED not in results[name].data.attrs}
    try:
        if (reason := analysis.why_not(inputs)) is not None:
            raise NotMeasurable(reason)
        return _call(analysis, inputs, parameters, given, progress)
    except NotMeasurable as error:
        return Result(analysis.name, xarray.Dataset(attrs={OMITTED: str(error)}))


def _call(
    analysis: Analysis,
    inputs: Inputs,
    parameters: Any,
    given: Mapping[str, Result],
    progress: bool,
) -> Result:
    """Run an analysis on those of the inputs that it takes."""
    takes = inspect.signature(analysis.run).parameters
    offered = {
        "agent": inputs.agent,
        "recording": inputs.recording,
        "world": inputs.world,
        "cache": inputs.cache,
        "compared": inputs.compared,
        "given": given,
        "progress": progress,
    }
    named = {name: value for name, value in offered.items() if name in takes and name != analysis.of}
    return analysis.run(getattr(inputs, analysis.of), parameters=parameters, **named)


@contextmanager
def stage(name: str, progress: bool) -> Iterator[None]:
    """Say when a stage begins, and how long it took."""
    began = time.monotonic()
    say(f"started {name}", progress)
    yield
    say(f"finished {name}, {time.monotonic() - began:.1f} s", progress)
