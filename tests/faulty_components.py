"""For every check of the conformance kit the components that break its promise."""

from __future__ import annotations

import itertools
from typing import Any

from faulty_constraints import Drawing, Freezing, Looking, Shrinking, Stacking
from faulty_data import SoundData, SoundMetric
from faulty_losses import Broadcasting, HalfPrecision, Insisting, Overflowing, backward_is_wrong, loss, wanders
from faulty_networks import (
    Demanding,
    FixedBatch,
    Lasting,
    OwnSeed,
    Reserved,
    Silent,
    Sound,
    Strided,
    Thawed,
    Tied,
    Unbounded,
    Unbuildable,
    Unstatable,
    Writing,
    WrongDefault,
    constant,
    halved,
    head,
    plain,
    scale,
)
from faulty_schedules import Counting, Forgetful, Inventing, Listing, Misnaming, Renaming, Starving, Unfair
from faulty_signals import SoundSignal, SoundVerdict

from gan_recipe import Field

_count = itertools.count()
ONE_SCORE = {"failing": {"critic/gan/spread": 0.0}}

FAULTS: dict[str, list[tuple[Any, dict[str, Any]]]] = {
    "is_a_frozen_attrs_class": [(Thawed, {})],
    "is_documented": [(Silent(), {})],
    "settings_can_be_stated_in_a_recipe": [(Unstatable(), {}), (Reserved(), {})],
    "defaults_make_a_component": [(Demanding, {})],
    "defaults_read_back_from_a_recipe": [(WrongDefault(), {})],
    "builds_for_example_inputs": [(Unbuildable(), {})],
    "output_has_the_promised_shape_and_dtype": [(Sound(), {"output": Field((2,))}), (head(lambda _, x: x.sum()), {})],
    "images_lie_between_minus_one_and_one": [(Unbounded(), {})],
    "takes_batches_of_any_size": [(FixedBatch(), {})],
    "a_sample_is_judged_alone_in_eval_mode": [
        (head(lambda _, x: x - x.mean()), {}),
        (head(lambda _, x: x + next(_count)), {}),
    ],
    "hands_on_its_input_in_eval_mode": [(Lasting(), {}), (Lasting(), {"inputs": [Field((1,)), Field((1,))]})],
    "trains_in_training_mode": [(head(lambda self, x: x / 0 if self.training else x), {})],
    "gradients_reach_every_parameter": [(head(lambda self, x: x.detach() + self.scale, lambda self: scale(self)), {})],
    "the_seed_decides_the_weights": [(OwnSeed(), {})],
    "the_state_dict_round_trips": [(Tied(), {}), (head(lambda self, x: x * self.scale, lambda self: plain(self)), {})],
    "its_inputs_are_left_alone": [
        (Writing(), {}),
    ],
    "moves_to_double_precision": [(head(lambda _, x: x.float()), {})],
    "moves_to_another_device": [
        (head(lambda self, x: x * self.scale, lambda self: constant(self)), {}),
        (head(lambda _, x: x * 2 if float(x.detach().sum()) > 0 else x), {}),
    ],
    "runs_in_bfloat16": [(head(lambda _, x: (x.float() * 1e5).sin()), {})],
    "channels_last_changes_nothing": [(Strided(), {})],
    "double_backward": [(head(lambda _, x: halved(x)), {})],
    "returns_one_number": [(loss(lambda each, _: each), {}), (loss(lambda each, _: each.detach().mean()), {})],
    "the_gradient_is_right": [(loss(backward_is_wrong), {})],
    "finite_at_extremes": [(Overflowing(), {})],
    "precise_in_bfloat16": [(HalfPrecision(), {})],
    "the_same_every_time": [(loss(wanders), {}), (loss(lambda each, real: (real.data.add_(1), each.mean())[1]), {})],
    "takes_a_batch_of_one": [(loss(lambda each, _: each.mean() / (len(each) - 1)), {})],
    "does_not_broadcast_samples": [(Broadcasting(), {})],
    "asks_nothing_of_the_device": [(loss(lambda each, _: each.mean() * float(each.detach().sum() > 0)), {})],
    "everybody_moves": [(Unfair(), {})],
    "everybody_moves_whatever_is_heard": [(Starving(), {}), (Forgetful(), {})],
    "what_is_remembered_is_numbers": [(Listing(), {}), (Renaming(), {})],
    "is_a_pure_function_of_the_round": [(Counting(), {})],
    "moves_are_players_in_order": [(Inventing(), {})],
    "names_are_the_players_that_the_settings_mention": [(Misnaming(), {})],
    "enforcing_is_idempotent": [(Shrinking(), {})],
    "attaches_once": [(Stacking(), {})],
    "the_network_stays_trainable": [(Freezing(), {})],
    "acts_on_another_device": [(Looking(), {})],
    "a_batch_is_a_function_of_seed_and_position": [(SoundData("iterates"), {})],
    "the_seed_decides_what_it_draws": [(Drawing(), {})],
    "optional_reads_may_be_left_out": [(Insisting(), {"reads": {"weights": Field((1,))}})],
    "torch_compile": [(head(lambda _, x: x * 2 if x.sum() > 0 else x), {})],
    "torch_export": [(FixedBatch(), {})],
    "fields_are_told": [(SoundData("classes"), {})],
    "batches_differ": [(SoundData("seedless"), {})],
    "batches_are_as_declared": [(SoundData("labels"), {}), (SoundData("dtype"), {}), (SoundData("more"), {})],
    "held_out_samples_are_never_trained_on": [(SoundData("overlaps"), {})],
    "fields_may_be_left_out": [(SoundData("fields"), {})],
    "the_fingerprint_names_the_data": [(SoundData("one fingerprint"), {}), (SoundData("fleeting"), {})],
    "its_length_is_told": [(SoundData("empty"), {})],
    "several_may_ask_at_once": [(SoundData("iterates"), {})],
    "more_is_more": [(SoundData(fault), {}) for fault in ("no setting", "no type", "no more", "other fields")],
    "figures_are_finite_numbers": [(SoundSignal("shape"), {}), (SoundSignal("infinite"), {})],
    "names_are_documented": [(SoundSignal("undocumented"), {})],
    "measures_the_same_twice": [(SoundSignal("random"), {}), (SoundSignal("counts"), {})],
    "what_is_unmeasured_is_told": [(SoundSignal("nothing"), {})],
    "leaves_the_run_alone": [(SoundSignal(fault), {}) for fault in ("scales", "evaluates", "backward", "draws")],
    "the_run_ends_the_same": [(SoundSignal("hooks"), {}), (SoundSignal("frees"), {})],
    "does_not_wait_for_the_device": [(SoundSignal("reads"), {}), (SoundSignal("decides"), {})],
    "costs_a_few_rounds_at_most": [(SoundSignal("dear"), {})],
    "silent_without_figures": [(SoundVerdict("hasty"), ONE_SCORE)],
    "silent_on_healthy_figures": [(SoundVerdict("nervous"), ONE_SCORE)],
    "tells_of_a_failing_run": [
        (SoundVerdict(), {}),
        *((SoundVerdict(fault), ONE_SCORE) for fault in ("silence", "words", "figures")),
    ],
    "copes_with_missing_figures": [(SoundVerdict("needy"), ONE_SCORE)],
    "is_a_pure_function_of_the_figures": [(SoundVerdict("torch"), ONE_SCORE), (SoundVerdict("counts"), ONE_SCORE)],
    "findings_are_told_apart": [(SoundVerdict("twice"), ONE_SCORE)],
    "cures_are_sound": [(SoundVerdict("cure"), ONE_SCORE)],
    "returns_a_finite_number": [(SoundMetric("nan"), {}), (SoundMetric("tensor"), {})],
    "stays_within_its_bounds": [(SoundMetric("bounds"), {"bounds": (0, 1)})],
    "the_same_for_the_same_samples": [(SoundMetric("random"), {})],
    "leaves_the_runs_random_numbers_alone": [(SoundMetric("random"), {})],
}
