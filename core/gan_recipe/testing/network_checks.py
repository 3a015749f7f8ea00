"""What encoders, decoders and heads promise."""

from __future__ import annotations

import random

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor

from gan_recipe.testing.examples import BATCH, built, each, farthest, floating, inputs, leaves, same, shapes, tensors
from gan_recipe.testing.trial import Failure, Trial, first_line

# Relative to the output: what a sum in another order may change in float32, and what bfloat16's 8 bits may.
_ROUNDING = 2e-4
_BFLOAT16 = 0.05


def builds_for_example_inputs(trial: Trial) -> None:
    """``build`` makes a module for example inputs, and the module takes them."""
    module = built(trial)
    with torch.no_grad():
        for tensor in leaves(module(*inputs(trial))):
            if not isinstance(tensor, Tensor):
                raise Failure(
                    f"the network returns a {type(tensor).__name__}", "a tensor or a tuple of them", "see forward"
                )


def output_has_the_promised_shape_and_dtype(trial: Trial) -> None:
    """The batch comes first, float32 comes out, a decoder gives an image, and the shape is the one that is promised."""
    with torch.no_grad():
        output = built(trial)(*inputs(trial))
    found = shapes(output)
    if any(len(tensor) != BATCH or tensor.dtype != torch.float32 for tensor in leaves(output)):
        raise Failure(f"{found}, for a batch of {BATCH}", f"float32 of shape ({BATCH}, ...)", "keep the batch first")
    if trial.kind == "decoder" and (isinstance(output, tuple) or output.dim() != 4):
        raise Failure(found, f"an image: float32 ({BATCH}, channels, height, width)", "see forward; else it is a head")
    if trial.output is not None:
        promised = tensors(trial.output, BATCH, 0)
        if shapes(promised) != found:
            raise Failure(found, shapes(promised), "correct the network, or the promise of the trial")


def images_lie_between_minus_one_and_one(trial: Trial) -> None:
    """However large the features, a decoder's image stays in [-1, 1], which losses, sheets and metrics take it for."""
    if trial.kind != "decoder":
        return
    module = built(trial)
    far = [each(value, lambda x: x * 1e3 if x.is_floating_point() else x) for value in inputs(trial)]
    with torch.no_grad():
        largest = float(module(*far).abs().max())
    if not largest <= 1:
        raise Failure(f"a pixel of {largest:g}", "pixels from -1 to 1", "end the network with tanh")


def takes_batches_of_any_size(trial: Trial) -> None:
    """Built from a batch of four, it takes one sample in eval mode, and seven."""
    module = built(trial).eval()
    with torch.no_grad():
        for batch in (1, 7):
            output = module(*inputs(trial, batch))
            if any(len(tensor) != batch for tensor in leaves(output)):
                raise Failure(f"{shapes(output)} for {batch} samples", f"({batch}, ...)", "read no batch size in build")


def a_sample_is_judged_alone_in_eval_mode(trial: Trial) -> None:
    """In eval mode the output for a sample does not depend on the batch around it, nor on when it is asked for."""
    module = built(trial).eval()
    given = inputs(trial)
    buffers = {name: buffer.clone() for name, buffer in module.named_buffers()}
    with torch.no_grad():
        together, again = module(*given), module(*given)
        alone = module(*(each(value, lambda x: x[:1]) for value in given))
    if not same(together, again):
        raise Failure("two calls differ", "the same output twice", "make no random draw in eval mode")
    if changed := [name for name, buffer in module.named_buffers() if not torch.equal(buffer, buffers[name])]:
        raise Failure(
            f"a call in eval mode changes {', '.join(changed)}", "no change", "change buffers in training only"
        )
    if (distance := farthest(alone, each(together, lambda x: x[:1]))) > _ROUNDING:
        raise Failure(
            f"alone a sample's output differs by {distance:.2g}",
            "the same as in a batch",
            "take no statistic over the batch in eval mode",
        )


def hands_on_its_input_in_eval_mode(trial: Trial) -> None:
    """A network that says it acts ``only_in_training`` hands on its one input in eval mode, as it is."""
    if not trial.cls.only_in_training:  # type: ignore[attr-defined]
        return
    given, cure = inputs(trial), "act on self.training alone, or say nothing"
    if len(given) != 1:
        raise Failure(f"only_in_training, with {len(given)} inputs", "one input, which can be handed on", cure)
    with torch.no_grad():
        output = built(trial).eval()(*given)
    if not same(output, given[0]):
        raise Failure("only_in_training, and another output in eval mode", "the input as it is, to the bit", cure)


def trains_in_training_mode(trial: Trial) -> None:
    """In training mode the shape is that of eval mode, and outputs and gradients are finite."""
    module = built(trial)
    given = inputs(trial)
    with torch.no_grad():
        expected = shapes(module.eval()(*given))
    output = module.train()(*given)
    if shapes(output) != expected:
        raise Failure(f"{shapes(output)} in training mode", f"{expected} as in eval mode", "see forward")
    differentiable = [tensor for tensor in leaves(output) if tensor.requires_grad]
    sum(
        (tensor * _mixed(tensor)).sum() for tensor in differentiable or [torch.zeros((), requires_grad=True)]
    ).backward()  # type: ignore[union-attr]
    gradients = [parameter.grad for parameter in module.parameters() if parameter.grad is not None]
    if not all(bool(tensor.isfinite().all()) for tensor in [*leaves(output), *gradients]):
        raise Failure("a NaN or an infinity", "finite outputs and gradients", "see which layer makes it")


def gradients_reach_every_parameter(trial: Trial) -> None:
    """No parameter is idle: each gets a gradient that is not all zero, once those at 0 have moved a little."""
    module = built(trial)
    parameters = dict(module.named_parameters())
    if not parameters:
        return
    with torch.no_grad():
        for parameter in parameters.values():
            parameter.add_(_mixed(parameter), alpha=0.01)
    idle = set(parameters)
    # Several draws: a ReLU may be shut for one of them.
    for seed in (1, 2, 3):
        module.zero_grad()
        output = module(*inputs(trial, seed=seed))
        torch.stack([(tensor * _mixed(tensor)).sum() for tensor in leaves(output)]).sum().backward()  # type: ignore[no-untyped-call]
        idle -= {name for name, each in parameters.items() if each.grad is not None and bool(each.grad.any())}
    if idle:
        raise Failure(
            f"no gradient reaches {', '.join(sorted(idle))}",
            "a gradient for every parameter: optimisers decay and average the idle ones all the same",
            "use them in forward, leave them out, or make them buffers where they are meant to stay",
        )


def the_seed_decides_the_weights(trial: Trial) -> None:
    """The same seed of torch's gives the same weights, whatever other generators, or the examples' contents, say."""
    first = built(trial, 5).state_dict()
    random.seed(1)
    np.random.seed(1)
    stated = built(trial, 5).state_dict()
    if different := [name for name in first if name not in stated or not torch.equal(first[name], stated[name])]:
        raise Failure(
            f"{', '.join(different[:5])} differ between two builds from one seed",
            "weights that are a function of torch's seed",
            "draw from torch's global generator, from no other source, and from none of your own",
        )


def the_state_dict_round_trips(trial: Trial) -> None:
    """Saved and loaded into a network from another seed, the weights give the same output; the file is data only."""
    first, second = built(trial, 1), built(trial, 2)
    with torch.no_grad():
        first(*inputs(trial))  # moves running statistics, which belong to the state
    state = first.state_dict()
    try:
        save({name: tensor.contiguous() for name, tensor in state.items()})
    except Exception as error:
        raise Failure(
            f"safetensors cannot hold the weights: {error}",
            "tensors that share no memory",
            "register a weight that is used twice once",
        ) from error
    second.load_state_dict(state)
    with torch.no_grad():
        if not same(first.eval()(*inputs(trial)), second.eval()(*inputs(trial))):
            raise Failure(
                "the loaded network gives another output",
                "the same, to the bit",
                "make whatever forward uses a parameter or a buffer",
            )


def its_inputs_are_left_alone(trial: Trial) -> None:
    """Neither forward nor backward writes into what is read: the round's other readers read it, too."""
    given = inputs(trial)
    before = [each(value, torch.clone) for value in given]
    output = built(trial)(*given)
    if grads := [tensor for tensor in leaves(output) if tensor.requires_grad]:
        torch.stack([tensor.sum() for tensor in grads]).sum().backward()  # type: ignore[no-untyped-call]
    if not all(map(same, given, before)):
        raise Failure("an input is changed in place", "inputs as they were", "use no in-place operation on inputs")


def moves_to_double_precision(trial: Trial) -> None:
    """``module.double()`` takes float64 and gives nearly the same: what it computes with are parameters and buffers."""
    module, given = built(trial).eval(), inputs(trial)
    if not floating(given):
        return
    with torch.no_grad():
        expected = module(*given)
        found = module.double()(*(each(value, lambda x: x.double() if x.is_floating_point() else x) for value in given))
    if any(tensor.dtype != torch.float64 for tensor in leaves(found)):
        raise Failure(f"{shapes(found)} from float64 inputs", "float64", "cast to the input's dtype, not to float32")
    if (distance := farthest(found, expected)) > 1e-3:
        raise Failure(f"a difference of {distance:.2g}", "the float32 output to its rounding", "see what is cast where")


def moves_to_another_device(trial: Trial) -> None:
    """Moved to another device it works there, without asking for a number, on which a GPU would have to be waited for.

    Tried on torch's ``meta`` device, which has shapes and no numbers, and on a GPU where there is one.
    """
    given = inputs(trial)
    module = built(trial)
    expected = shapes(module(*given))
    moved = module.to("meta")
    try:
        found = moved(*(each(value, lambda x: x.to("meta")) for value in given))
    except Exception as error:
        raise Failure(
            f"on the meta device: {first_line(error)}",
            "a network that moves as a whole, and whose forward depends on shapes alone",
            "register tensors as buffers (self.register_buffer), make new ones on the input's device, and call neither "
            ".item() nor `if` on a tensor",
        ) from error
    if shapes(found) != expected:
        raise Failure(f"{shapes(found)} on another device", expected, "see forward")
    if torch.cuda.is_available():
        fresh = built(trial).eval()
        with torch.no_grad():
            here = fresh(*given)
            there = fresh.cuda()(*(each(value, lambda x: x.cuda()) for value in given))
        if (distance := farthest(each(there, lambda x: x.cpu()), here)) > 0.02:
            raise Failure(f"a difference of {distance:.2g} on the GPU", "the same output", "see what is computed where")


def runs_in_bfloat16(trial: Trial) -> None:
    """Under bfloat16 autocast, which ``precision = "bf16"`` turns on, the output stays near the float32 one."""
    module, given = built(trial).eval(), inputs(trial)
    with torch.no_grad():
        expected = module(*given)
        with torch.autocast("cpu", torch.bfloat16):
            found = each(module(*given), Tensor.float)
    for one, two in zip(leaves(found), leaves(expected), strict=True):
        off = float((one - two).norm() / (two.norm() + 1e-2))
        if not off <= _BFLOAT16:
            raise Failure(
                f"the output is off by {off:.0%}",
                f"at most {_BFLOAT16:.0%}",
                "compute sensitive parts (sums over many elements, norms) in float32",
            )


def channels_last_changes_nothing(trial: Trial) -> None:
    """In NHWC memory order, which runs use by default, the output is the same up to rounding."""
    module, given = built(trial).eval(), inputs(trial)

    def converted(x: Tensor) -> Tensor:
        return x.contiguous(memory_format=torch.channels_last) if x.dim() == 4 else x

    with torch.no_grad():
        expected = module(*given)
        found = module.to(memory_format=torch.channels_last)(*(each(value, converted) for value in given))
    if (distance := farthest(found, expected)) > _ROUNDING:
        raise Failure(
            f"a difference of {distance:.2g}", "the same output", "use reshape or flatten in place of view and strides"
        )


def _mixed(tensor: Tensor) -> Tensor:
    """Other weights for every element: a plain sum over a normalised batch would be constant."""
    return torch.randn(tensor.shape, generator=torch.Generator().manual_seed(3))
