"""How each of torch's functions hands on what the elements of a tensor see of the picture.

A function that is not listed here is not guessed at: what it gives may see all that its inputs see, and the reason is
kept, so that it can be said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch

from retinoscope.agents.field_geometry import Side, gathered, joined, spread
from retinoscope.agents.field_moves import MOVES, moved
from retinoscope.agents.field_windows import adaptive, resized, transposed, windows
from retinoscope.agents.sight import Call, Sight, named

Rule = Callable[[Call, torch.Tensor, Sight], Sight]
"""From a call and the first of its arguments that sees anything to what its outputs see."""


def sights_after(call: Call) -> tuple[Sight | None, ...]:
    """What each of the tensors that a call gave sees; None for one that sees nothing."""
    seeing = call.seeing()
    if not seeing:
        return (None,) * len(call.outputs)
    if call.name in MOVES and len(seeing) == 1:
        return moved(call, *seeing[0])
    return (_RULES.get(call.name, _unknown)(call, *seeing[0]),) * len(call.outputs)


def _elementwise(call: Call, tensor: torch.Tensor, sight: Sight) -> Sight:
    """Every element from the elements at its place, of tensors that are broadcast to one shape."""
    ndim = call.outputs[0].ndim
    return _united(call, [_shifted(sight, ndim - tensor.ndim) for tensor, sight in call.seeing()])


def _shifted(sight: Sight, by: int, behind: int = 0) -> Sight:
    """The same for a tensor with that many more dimensions in front of dimension `behind`."""
    rows, columns = (None if dim is None else dim + by * (dim >= behind) for dim in sight.dims)
    return Sight(sight.sides, (rows, columns))


def _united(call: Call, parts: Sequence[Sight]) -> Sight:
    """What any of the parts sees."""
    why = f"{call.said} brings in the whole picture"
    sides: list[Side] = []
    dims: list[int | None] = []
    for axis in (0, 1):
        places = {part.dims[axis] for part in parts} - {None}
        if len(places) > 1:
            return _unknown(call, *call.seeing()[0])
        dim = places.pop() if places else None
        side = joined([part.sides[axis] for part in parts], why)
        positions = 1 if dim is None else call.outputs[0].shape[dim]
        sides.append(side if side.positions == positions else spread(side, positions, why))
        dims.append(dim)
    return Sight((sides[0], sides[1]), (dims[0], dims[1]))


def _joined_along(call: Call, tensor: torch.Tensor, sight: Sight) -> Sight:
    """`cat` and `stack`: along a dimension that is neither rows nor columns, all see what any of them sees."""
    along = int(call.given(1, "dim", call.kwargs.get("axis", 0))) % call.outputs[0].ndim
    parts = [part for _, part in call.seeing()]
    if call.name == "stack":
        parts = [_shifted(part, 1, along) for part in parts]
    elif any(along in part.dims for part in parts):
        return _unknown(call, tensor, sight)
    return _united(call, parts)


def _reduced(call: Call, tensor: torch.Tensor, sight: Sight) -> Sight:
    """Means, sums, extremes and the like over some dimensions or all."""
    asked = call.given(2 if call.name == "norm" else 1, "dim", call.kwargs.get("axis"))
    if isinstance(asked, torch.Tensor):  # torch.max of two tensors
        return _elementwise(call, tensor, sight)
    if asked is None or isinstance(asked, bool) or asked == ():
        asked = range(tensor.ndim)
    gone = {int(each) % tensor.ndim for each in ([asked] if isinstance(asked, int) else asked)}
    is_kept = call.outputs[0].ndim == tensor.ndim
    sides, dims = list(sight.sides), list(sight.dims)
    for axis, (side, dim) in enumerate(zip(sight.sides, sight.dims, strict=True)):
        if dim is None or dim in gone:
            sides[axis], dims[axis] = gathered(side, f"{call.said} is taken over the whole picture"), None
        elif not is_kept:
            dims[axis] = dim - sum(each < dim for each in gone)
    return Sight((sides[0], sides[1]), (dims[0], dims[1]))


def _mixed_along(dims_of: Callable[[Call, torch.Tensor], Iterable[int]]) -> Rule:
    """The rule of what keeps the shape and mixes everything along some dimensions, as normalisations do."""

    def rule(call: Call, tensor: torch.Tensor, sight: Sight) -> Sight:
        mixed = {dim % tensor.ndim for dim in dims_of(call, tensor)}
        why = f"{call.said} is taken over the whole picture"
        rows, columns = (
            spread(side, side.positions, why) if dim in mixed else side
            for side, dim in zip(sight.sides, sight.dims, strict=True)
        )
        return Sight((rows, columns), sight.dims)

    return rule


def _linear(call: Call, tensor: torch.Tensor, sight: Sight) -> Sight:
    """Along the last dimension; the others stay."""
    last = tensor.ndim - 1
    why = f"{call.said} sees the whole map"
    rows, columns = (
        (gathered(side, why), None) if dim == last else (side, dim)
        for side, dim in zip(sight.sides, sight.dims, strict=True)
    )
    return Sight((rows[0], columns[0]), (rows[1], columns[1]))


def _matmul(call: Call, tensor: torch.Tensor, sight: Sight) -> Sight:
    """With weights behind it, as `linear`."""
    product = call.args[-2:]
    is_first = len(product) == 2 and product[0] is tensor and product[1].ndim == 2 and len(call.seeing()) == 1
    return _linear(call, tensor, sight) if is_first else _unknown(call, tensor, sight)


def _whole(call: Call, tensor: torch.Tensor, sight: Sight) -> Sight:
    """Every element from every element of its row of the batch."""
    rows, columns = (gathered(side, f"{call.said} sees the whole map") for side in sight.sides)
    return Sight((rows, columns), (None, None))


def _unknown(call: Call, tensor: torch.Tensor, sight: Sight) -> Sight:
    """It may see everything that any argument sees; rows and columns are taken to stay where the shape does."""
    why = f"{call.said} is not followed"
    stays = sight.is_map and call.outputs[0].shape == tensor.shape
    rows, columns = (
        spread(
            joined([gathered(each.sides[axis], why) for _, each in call.seeing()], why),
            sight.sides[axis].positions if stays else 1,
            why,
            is_exact=False,
        )
        for axis in (0, 1)
    )
    return Sight((rows, columns), sight.dims if stays else (None, None))


def _dimension(call: Call, tensor: torch.Tensor) -> Iterable[int]:
    dim = call.given(1, "dim")
    return (tensor.ndim - 1 if dim is None else int(dim),)


def _names(text: str, rule: Rule) -> dict[str, Rule]:
    return dict.fromkeys(text.split(), rule)


ACTIVATION_FUNCTIONS = named(
    "relu relu6 elu selu celu leaky_relu gelu silu softplus tanh sigmoid hardtanh hardswish hardsigmoid mish prelu",
    "rrelu softsign log_sigmoid logsigmoid threshold tanhshrink softshrink hardshrink clamp_min special_expit",
)
"""Names, without underscores, of what makes the activity of a layer of what enters it, element by element."""

_ELEMENTWISE = named(
    "add sub mul div true_divide divide multiply subtract radd rsub rmul rtruediv rdiv truediv iadd isub imul",
    "itruediv idiv ipow pow rpow neg negative positive exp exp2 expm1 log log1p log2 log10 sqrt rsqrt reciprocal",
    "abs absolute sign square sin cos atan erf clamp clip clamp_max maximum minimum fmax fmin where lerp addcmul",
    "addcdiv masked_fill nan_to_num dropout dropout1d dropout2d dropout3d feature_dropout alpha_dropout",
    "feature_alpha_dropout float double half bfloat16 to type type_as long int short bool byte cpu cuda contiguous",
    "clone detach data requires_grad alias round floor ceil trunc frac fmod remainder floordiv floor_divide",
    "batch_norm local_response_norm copy gt ge lt le eq ne logical_and logical_or logical_not invert and or xor",
    "heaviside",
)

_RULES: dict[str, Rule] = {
    **dict.fromkeys(ACTIVATION_FUNCTIONS, _elementwise),
    **dict.fromkeys(_ELEMENTWISE, _elementwise),
    **_names("cat concat concatenate stack", _joined_along),
    **_names("mean sum amax amin max min std var norm prod logsumexp any all argmax argmin nanmean", _reduced),
    **_names("nansum median aminmax", _reduced),
    **_names("layer_norm rms_norm", _mixed_along(lambda call, _: range(-len(call.given(1, "normalized_shape")), 0))),
    **_names("group_norm instance_norm", _mixed_along(lambda _, tensor: range(1, tensor.ndim))),
    **_names("softmax log_softmax softmin cumsum", _mixed_along(_dimension)),
    **_names("normalize", _mixed_along(lambda call, _: (int(call.given(2, "dim", 1)),))),
    **_names("linear", _linear),
    **_names("matmul mm addmm", _matmul),
    **_names("gru lstm rnn_tanh rnn_relu gru_cell lstm_cell rnn_tanh_cell rnn_relu_cell", _whole),
    **{f"{kind}{axes}d": windows for kind in ("conv", "max_pool", "avg_pool", "lp_pool") for axes in (1, 2, 3)},
    **{f"max_pool{axes}d_with_indices": windows for axes in (1, 2, 3)},
    **{f"conv_transpose{axes}d": transposed for axes in (1, 2, 3)},
    **{f"adaptive_{kind}_pool{axes}d": adaptive for kind in ("avg", "max") for axes in (1, 2, 3)},
    **{f"adaptive_max_pool{axes}d_with_indices": adaptive for axes in (1, 2, 3)},
    **_names("interpolate upsample upsample_bilinear upsample_nearest", resized),
}
