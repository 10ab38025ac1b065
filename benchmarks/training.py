"""What a gradient step of the learner costs: memory that it frees kept, against handed back to the system.

The encoder of the shipped agents on a batch of the default size, forwards and backwards; processor time of a process of
its own for each side, in turn, the least of several.
"""

from __future__ import annotations

import subprocess
import sys
import time

ROUNDS, STEPS = 3, 5


def seconds_per_step(keep: bool) -> float:
    """Of processor time, in this process."""
    import torch

    from retinoscope.agents.networks import Encoder
    from retinoscope.training import TrainingConfig
    from retinoscope.training.freed_memory import keep_freed_memory

    torch.set_num_threads(1)
    if keep:
        keep_freed_memory()
    config = TrainingConfig()
    encoder = Encoder(config.network, (60, 80, 3)).to(memory_format=torch.channels_last)
    pixels = torch.randn(config.batch_size, 60, 80, 3).permute(0, 3, 1, 2)
    for step in range(STEPS + 1):
        if step == 1:  # the first one asks the system for all it needs
            began = time.process_time()
        encoder.zero_grad()
        encoder(pixels).square().mean().backward()
    return (time.process_time() - began) / STEPS


def main() -> None:
    """Measure both sides in turn, so that neither has the quiet moments."""
    if len(sys.argv) > 1:
        print(seconds_per_step(sys.argv[1] == "kept"))
        return
    found: dict[str, list[float]] = {"kept": [], "handed back": []}
    for _ in range(ROUNDS):
        for side, times in found.items():
            made = subprocess.run([sys.executable, __file__, side], capture_output=True, text=True, check=True)
            times.append(float(made.stdout))
    kept, handed_back = min(found["kept"]), min(found["handed back"])
    print(f"gradient step: {kept:.3f} s with freed memory kept, {handed_back:.3f} s with it handed back")
    print(f"{handed_back / kept:.2f} times the processor time")


if __name__ == "__main__":
    main()
