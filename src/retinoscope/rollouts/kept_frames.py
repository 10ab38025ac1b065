"""Which frames a recording keeps: all, every n-th, or none; and where they lie in its store.

Frames are most of a recording. Where the world repeats itself they need not be kept: played again, the recorded actions
show them again (`rendered_recording`). Whatever is kept, the frame of the last decision of each block is there as well:
from it a recording that was interrupted goes on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

KEEP = "keep_frames"
"""Name of the attribute that says of how many decisions the frame of one is kept; where it is missing, of each one."""

FRAMES = "observation"


@dataclass(frozen=True)
class KeptFrames:
    """Of each environment the frames of the decisions 0, `every`, 2 `every` ... are kept.

    Attributes:
        every: of how many decisions the frame of one is kept; 1 for all frames, 0 for none.
        block_steps: decisions of a block of the store.
    """

    every: int
    block_steps: int

    @property
    def slots(self) -> int:
        """Frames for which a block of the store has room; the last is for that of its last decision."""
        if self.every == 1:
            return self.block_steps
        return 1 + (-(-self.block_steps // self.every) if self.every else 0)

    def packed(self, frames: np.ndarray, number: int, steps: int) -> np.ndarray:
        """Those of a block that are kept.

        Args:
            frames: (environment, block_steps, ...) all of them.
            number: of the block.
            steps: that are valid, from the first of the recording on.

        Returns:
            (environment, slots, ...), zero where there is none.
        """
        if self.every == 1:
            return frames
        found = np.zeros((len(frames), self.slots, *frames.shape[2:]), frames.dtype)
        kept = self._kept_in(number)
        found[:, : len(kept)] = frames[:, kept]
        found[:, -1] = frames[:, min(self.block_steps, steps - number * self.block_steps) - 1]
        return found

    def slot(self, step: int, steps: int) -> int | None:
        """Where the frame of a decision lies, of all slots of an environment; None if it is not kept.

        Args:
            step: of the environment.
            steps: that are valid.
        """
        if self.every == 1:
            return step
        number, inside = divmod(step, self.block_steps)
        if self.every and step % self.every == 0:
            return number * self.slots + int(np.searchsorted(self._kept_in(number), inside))
        is_last = step == min(steps, (number + 1) * self.block_steps) - 1
        return (number + 1) * self.slots - 1 if is_last else None

    def _kept_in(self, number: int) -> np.ndarray:
        """Decisions of a block, counted from its first, whose frames are kept."""
        if not self.every:
            return np.empty(0, np.int64)
        return np.arange(-number * self.block_steps % self.every, self.block_steps, self.every)


def kept_in_words(every: int) -> str:
    """Which frames there are, after `the recording holds`."""
    return "no frames" if every == 0 else f"one frame in {every}"
