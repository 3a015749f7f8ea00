"""How far an exported value is from the live networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import frozen
from torch import Tensor

from gan_recipe.errors import RunError, UserError
from gan_recipe.exports.formats import Call, first_line

#: Batch sizes at which an export is compared with the live networks: one, an odd one, and more than it was traced at.
SIZES = (1, 3, 8)
# Other kernels add in another order, and a norm layer over an even grey enlarges that: 5e-4 of the largest number was
# seen between two layouts of the same weights in float32. Ten times less is usual; a wrong weight gives far more.
_TOLERANCE = 1e-3


@frozen
class Parity:
    """How far an exported value is from the live networks, as the largest absolute difference of any number."""

    format: str
    #: By batch size.
    difference: Mapping[int, float]
    #: The largest absolute value that the live networks gave.
    scale: float


def compared(
    format: str,
    call: Call,
    inputs: Mapping[int, Mapping[str, Tensor]],
    expected: Mapping[int, Sequence[Tensor]],
) -> Parity:
    """Hold what ``call`` gives against what is ``expected``, by batch size. Raises UserError for an export that fails,
    and RunError for one that disagrees.
    """
    difference = {}
    for size, batch in inputs.items():
        try:
            found = call(batch)
        except Exception as error:  # three runtimes, each with its own
            raise UserError(f"the {format} export does not take a batch of {size}: {first_line(error)}") from error
        pairs = list(zip(expected[size], found, strict=True))
        if any(theirs.shape != mine.shape for mine, theirs in pairs):
            shapes = "; ".join(f"{tuple(theirs.shape)} for {tuple(mine.shape)}" for mine, theirs in pairs)
            raise RunError(f"the {format} export gives other shapes at batch {size}: {shapes}. Nothing was kept")
        difference[size] = max(float((mine - theirs).abs().max()) for mine, theirs in pairs)
    scale = max(float(tensor.abs().max()) for tensors in expected.values() for tensor in tensors)
    worst = max(difference.values())
    if not worst <= _TOLERANCE * max(scale, 1.0):
        raise RunError(
            f"the {format} export differs from the live networks by {worst:.3g} where these give up to {scale:.3g}. "
            "Nothing was kept"
        )
    return Parity(format, difference, scale)
