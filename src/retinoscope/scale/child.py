"""The program that does the tasks of one worker of a cluster, and ends when the worker does, however that ends."""

from __future__ import annotations

import os
import queue
import sys
import threading
import traceback

from retinoscope.scale.own_process import receive, send
from retinoscope.scale.packing import packed, unpacked


def main() -> None:
    """Tasks come by standard input and answers go by standard output; what a task prints goes to standard error."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    tasks: queue.Queue[bytes] = queue.Queue()
    threading.Thread(target=_listen, args=(tasks,), daemon=True).start()
    try:
        while True:
            send(answers, _done(tasks.get()))
    except KeyboardInterrupt:
        sys.exit(130)


def _listen(tasks: queue.Queue[bytes]) -> None:
    """A thread of its own, so that the end of the worker is seen amid a task too."""
    while (task := receive(sys.stdin.buffer)) is not None:
        tasks.put(task)
    os._exit(1)


def _done(task: bytes) -> bytes:
    try:
        function, arguments, named = unpacked(task)
        return packed((True, function(*arguments, **named)))
    except Exception as error:
        error.add_note(traceback.format_exc())
        try:
            return packed((False, error))
        except Exception:
            return packed((False, RuntimeError(traceback.format_exc())))


if __name__ == "__main__":
    main()
