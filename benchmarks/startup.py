"""How long until the package is there: `import retinoscope` and `retinoscope --help`, beside Python alone.

Processor time of a process of its own, the least of several; on an idle machine that is what one waits.
"""

from __future__ import annotations

import os
import subprocess
import sys

RUNS = 7
BUDGETS = {"import retinoscope": 0.3, "retinoscope --help": 0.5}  # seconds beyond Python alone
COMMANDS = {
    "python": ["-c", "pass"],
    "import retinoscope": ["-c", "import retinoscope"],
    "retinoscope --help": ["-m", "retinoscope", "--help"],
}


def seconds(arguments: list[str]) -> float:
    """Of processor time that a process takes."""
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = status
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Measure all in turn, so that none has the quiet moments."""
    found = {name: [] for name in COMMANDS}  # type: dict[str, list[float]]
    for _ in range(RUNS):
        for name, arguments in COMMANDS.items():
            found[name].append(seconds(arguments))
    alone = min(found["python"])
    for name, budget in BUDGETS.items():
        least = min(found[name])
        print(f"{name}: {least:.3f} s, {least / alone:.1f} times Python alone ({alone:.3f} s); budget {budget} s")


if __name__ == "__main__":
    main()
