"""The column of the simulation movie that shows what the network gave for every action, and what was done."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray

from retinoscope.figures import canvas

_COLUMN = 376
_HEAD, _OUTPUT = 34, 30
_NAME, _NUMBER = 120, 56  # widths of an action's name and of its number
_MOST = 24  # outputs of a head
_BAR: canvas.Colour = (150, 156, 166)
_CHOSEN: canvas.Colour = (32, 33, 36)
_TRACK: canvas.Colour = (238, 240, 243)
_UNITS = {"choice": "probability", "q_values": "Q-value", "gaussian": "value"}

__all__: list[str] = []


@dataclass(frozen=True)
class _Head:
    """One head of the actions.

    Attributes:
        title: above it.
        kind: `choice`, `q_values` or `gaussian`.
        outputs: (row,) index of each output that is shown, of continuous actions of the mean.
        names: of these.
        column: of `action` that holds what was done; of continuous actions the first.
        low, high: ends of the bars.
    """

    title: str
    kind: str
    outputs: np.ndarray
    names: list[str]
    column: int
    low: float
    high: float

    @property
    def height(self) -> int:
        return _HEAD + _OUTPUT * len(self.outputs)


class ActionColumn:
    """Draws all heads below each other; nothing where the actions are not known."""

    def __init__(self, data: xarray.Dataset) -> None:
        self._heads: list[_Head] = []
        self._deviations: dict[int, np.ndarray] = {}  # of the continuous action in this column of `action`
        if "probability" in data:
            self._probability, self._action = data["probability"].values, data["action"].values
            self._number = data["output_number"].values if "output_number" in data else self._probability
            self._find(data)

    @property
    def height(self) -> int:
        """Pixels."""
        return sum(head.height for head in self._heads)

    def draw_background(self, frame: np.ndarray, x: int, y: int) -> None:
        """What is the same in all frames."""
        for head in self._heads:
            units = _UNITS.get(head.kind, "")
            canvas.draw_text(frame, canvas.shorten(head.title, 16, 280, True), x, y, 16, bold=True)
            canvas.draw_text(frame, units, x + _COLUMN, y + 2, 13, canvas.GREY, align="right")
            for row, name in enumerate(head.names):
                short = canvas.shorten(name, 15, _NAME - 34)
                canvas.draw_text(frame, short, x + 26, y + _HEAD - 6 + row * _OUTPUT, 15)
            y += head.height

    def draw(self, frame: np.ndarray, x: int, y: int, decision: int) -> None:
        """What was given and done at one decision."""
        for head in self._heads:
            for row, output in enumerate(head.outputs):
                top = y + _HEAD - 8 + row * _OUTPUT
                if head.kind == "gaussian":
                    self._draw_continuous(frame, x, top, head, row, int(output), decision)
                else:
                    self._draw_choice(frame, x, top, head, int(output), row, decision)
            y += head.height

    def _draw_choice(
        self, frame: np.ndarray, x: int, top: int, head: _Head, output: int, row: int, decision: int
    ) -> None:
        """A bar; that of the output taken is dark, with a pointer before its name."""
        of_head = self._choices[head.column]
        is_chosen = int(self._action[decision, head.column]) == output - of_head
        number = float((self._probability if head.kind == "choice" else self._number)[decision, output])
        track = _COLUMN - _NAME - _NUMBER
        share = (number - head.low) / (head.high - head.low)
        canvas.fill(frame, x + _NAME, top + 4, track, 15, _TRACK)
        canvas.fill(frame, x + _NAME, top + 4, round(track * share), 15, _CHOSEN if is_chosen else _BAR)
        says = f"{number:.2f}".replace("-", "−") if abs(number) < 1000 else f"{number:.0f}".replace("-", "−")
        canvas.draw_text(frame, says, x + _COLUMN, top + 2, 15, bold=is_chosen, align="right")
        if is_chosen:
            canvas.draw_text(frame, "▶", x + 4, top + 2, 15)

    def _draw_continuous(
        self, frame: np.ndarray, x: int, top: int, head: _Head, row: int, output: int, decision: int
    ) -> None:
        """A bar from one standard deviation below the mean to one above, and a line where the action was."""
        done = float(self._action[decision, head.column + row])
        mean, deviation = self._number[decision, output], self._deviations[head.column + row][decision]
        track = _COLUMN - _NAME - _NUMBER

        def place(value: float) -> int:
            return round(track * float(np.clip((value - head.low) / (head.high - head.low), 0, 1)))

        canvas.fill(frame, x + _NAME, top + 4, track, 15, _TRACK)
        first, last = place(mean - deviation), place(mean + deviation)
        canvas.fill(frame, x + _NAME + first, top + 4, max(last - first, 1), 15, _BAR)
        canvas.fill(frame, x + _NAME + max(place(done) - 2, 0), top + 1, 4, 21, _CHOSEN)
        canvas.draw_text(frame, f"{done:+.2f}".replace("-", "−"), x + _COLUMN, top + 2, 15, align="right")

    def _find(self, data: xarray.Dataset) -> None:
        self._choices: dict[int, int] = {}  # column of `action` -> the first output of its head
        of_output, names = data["output_head"].values, data["output_choice"].values
        kinds = data["head_kind"].values if "head_kind" in data.coords else ["choice"] * data.sizes["head"]
        column = 0
        for name, kind in zip(data["head"].values, map(str, kinds), strict=True):
            outputs = np.flatnonzero(of_output == name)
            if kind == "gaussian":
                count = len(outputs) // 2
                for number in range(count):
                    self._deviations[column + number] = np.exp(self._number[:, outputs[count + number]])
                done = self._action[:, column : column + count]
                shown, (low, high), used = outputs[:count], _range(done), count
            else:
                self._choices[column] = int(outputs[0])
                low, high = (0.0, 1.0) if kind == "choice" else _range(self._number[:, outputs])
                shown, used = outputs, 1
            title = "Action" if name == "action" else f"Action: {name}"
            if len(shown) > _MOST:
                title = f"{title}, {_MOST} of {len(shown)}"
                given = self._probability if kind == "choice" else self._number
                shown = np.sort(shown[np.argsort(-given[:, shown].mean(axis=0), kind="stable")[:_MOST]])
                shown = outputs[:_MOST] if kind == "gaussian" else shown
            self._heads.append(_Head(title, kind, shown, [str(names[each]) for each in shown], column, low, high))
            column += used


def _range(values: np.ndarray) -> tuple[float, float]:
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    return (low, high) if high > low else (low - 0.5, high + 0.5)
