"""Progress bars for long work: on standard error, with rate and time left, and none where nobody watches."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress_bar(what: str, total: float, visible: bool) -> Iterator[Callable[[float], None]]:
    """Yield a function that advances the bar.

    Args:
        what: what is counted, in the plural (`rows`, `episodes`).
        total: how many there will be.
        visible: False shows nothing; so does a standard error that is not a terminal.
    """
    if not visible:
        yield lambda _count: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task(what, total=total, rate="")

        def advance(count: float) -> None:
            speed = bar.tasks[0].speed
            bar.update(task, advance=count, rate=f"{speed:,.0f}/s" if speed else "")

        yield advance


def say(line: str, visible: bool) -> None:
    """One plain line on standard error where that is no terminal: the log of a batch job. A terminal has bars.

    Args:
        line: what to say.
        visible: False says nothing.
    """
    if visible and not sys.stderr.isatty():
        print(f"retinoscope: {line}", file=sys.stderr, flush=True)
