"""Exact order statistics of streamed data, in memory that does not grow with its length.

Sorting needs all values at once. Here every number is read as an integer that sorts in the same order (for IEEE 754:
all bits flipped where it is negative, the sign bit set where it is not), and the integer is found sixteen bits at a
time: one pass counts how often each first digit occurs, the next counts second digits among the numbers that begin
with the digit found, and so on. Two passes give any order statistic of float32 exactly, four those of float64.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from retinoscope.errors import UserError

Blocks = Callable[[], Iterable[NDArray[np.floating]]]
"""Starts a new pass: yields (row, variable) arrays of one dtype, float32 or float64, always the same."""

_DIGIT_BITS = 16
_DIGITS = 1 << _DIGIT_BITS
_COUNTERS = 320  # tables of digits held at a time, half a megabyte each


def order_statistics(blocks: Blocks, ranks: Iterable[int], variables: int) -> NDArray[np.floating]:
    """The values that would stand at these places if each variable were sorted.

    Args:
        blocks: gives the data, finite, one pass at each call.
        ranks: places in ascending order of values, counted from 0.
        variables: number of variables.

    Returns:
        (rank, variable), in the dtype of the data. Negative zeros count as zeros.

    Raises:
        UserError: a place lies outside the data, or there are no data.
    """
    wanted = np.asarray(list(ranks), dtype=np.int64)
    whole = _only_block(blocks)
    if whole is not None:
        return _selected(whole, wanted)
    together = max(1, _COUNTERS // max(1, len(wanted)))
    found = [
        _statistics_of(blocks, wanted, slice(first, min(first + together, variables)))
        for first in range(0, variables, together)
    ]
    return np.concatenate(found, axis=1)


def _only_block(blocks: Blocks) -> NDArray[np.floating] | None:
    """The data, if they come in one block."""
    found = list(itertools.islice(blocks(), 2))
    return found[0] if len(found) == 1 else None


def _selected(values: NDArray[np.floating], wanted: NDArray[np.int64]) -> NDArray[np.floating]:
    """Order statistics of what is in memory anyway, by partition, which is quicker."""
    for rank in wanted.tolist():
        if not 0 <= rank < len(values):
            raise UserError(f"place {rank}: there are {len(values)} values; choose among these")
    columns = np.add(values.T, values.dtype.type(0), order="C")  # one copy; -0 + 0 is 0
    keys = _signed_keys(columns)  # integers are compared in two thirds of the time
    keys.partition(np.unique(wanted), axis=1)
    return _signed_keys(np.ascontiguousarray(keys[:, wanted].T)).view(values.dtype)


def _signed_keys(numbers: NDArray[np.generic]) -> NDArray[np.signedinteger]:
    """The same memory as integers in the order of the numbers; applied to these, the numbers again. Done in place."""
    signed = np.dtype(f"i{numbers.dtype.itemsize}")
    keys = numbers.view(signed)
    keys ^= (keys >> signed.type(8 * signed.itemsize - 1)) & np.iinfo(signed).max
    return keys


def _statistics_of(blocks: Blocks, wanted: NDArray[np.int64], chosen: slice) -> NDArray[np.floating]:
    """The same for a span of the variables."""
    shape = (len(wanted), chosen.stop - chosen.start)
    remaining = np.repeat(wanted[:, None], shape[1], axis=1)
    prefixes = np.zeros(shape, np.uint64)
    digits, done, dtype = 1, 0, np.dtype(np.float32)
    while done < digits:
        counts: dict[tuple[int, int], NDArray[np.int64]] = {}
        for block in blocks():
            dtype = block.dtype
            digits = dtype.itemsize * 8 // _DIGIT_BITS
            _count_digits(counts, _keys(block[:, chosen]), prefixes, done, digits)
        if not counts:
            raise UserError("order statistics: there are no values; give at least one")
        for place, variable in np.ndindex(*shape):
            below = np.cumsum(counts[variable, int(prefixes[place, variable])])
            rank = remaining[place, variable]
            if not 0 <= rank < below[-1]:
                raise UserError(f"place {rank}: there are {below[-1]} values; choose among these")
            digit = int(np.searchsorted(below, rank, side="right"))
            remaining[place, variable] -= below[digit - 1] if digit else 0
            prefixes[place, variable] = (int(prefixes[place, variable]) << _DIGIT_BITS) | digit
        done += 1
    return _values(prefixes, dtype)


def _count_digits(
    counts: dict[tuple[int, int], NDArray[np.int64]],
    keys: NDArray[np.unsignedinteger],
    prefixes: NDArray[np.uint64],
    done: int,
    digits: int,
) -> None:
    """Count the next digit of the numbers that begin with one of the prefixes, for (row, variable) keys."""
    shift = _DIGIT_BITS * (digits - done - 1)
    for variable in range(keys.shape[1]):
        column = np.ascontiguousarray(keys[:, variable])
        leading = column >> np.array(shift, column.dtype)
        for prefix in {int(each) for each in prefixes[:, variable]}:
            chosen = leading
            if done:
                chosen = leading[leading >> np.array(_DIGIT_BITS, column.dtype) == prefix]
            digit = (chosen & np.array(_DIGITS - 1, column.dtype)).astype(np.intp)
            counted = np.bincount(digit, minlength=_DIGITS)
            if (variable, prefix) in counts:
                counts[variable, prefix] += counted
            else:
                counts[variable, prefix] = counted


def _keys(values: NDArray[np.floating]) -> NDArray[np.unsignedinteger]:
    """Unsigned integers in the order of the values."""
    unsigned = np.dtype(f"u{values.dtype.itemsize}")
    sign = np.array(1 << (8 * values.dtype.itemsize - 1), unsigned)
    bits = (values + values.dtype.type(0)).view(unsigned)  # -0 + 0 is 0
    return np.where(bits & sign, ~bits, bits | sign)


def _values(keys: NDArray[np.uint64], dtype: np.dtype) -> NDArray[np.floating]:
    """The inverse of `_keys`."""
    unsigned = np.dtype(f"u{dtype.itemsize}")
    sign = np.array(1 << (8 * dtype.itemsize - 1), unsigned)
    bits = keys.astype(unsigned)
    return np.where(bits & sign, bits & ~sign, ~bits).astype(unsigned).view(dtype)
