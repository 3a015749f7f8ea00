"""What schedules promise: a pure function of the round under which everybody moves."""

from __future__ import annotations

import json

from gan_recipe.interfaces import SteeredSchedule
from gan_recipe.testing.trial import Failure, Trial


def moves_are_players_in_order(trial: Trial) -> None:
    """In every round the movers are some of the recipe's players, each at most once."""
    schedule = trial.made()
    for round in range(trial.rounds):
        moves = list(schedule.moves(round, trial.players))
        if len(set(moves)) < len(moves) or not set(moves) <= set(trial.players):
            raise Failure(
                f"in round {round} the movers are {moves}",
                f"some of {list(trial.players)}, none twice",
                "return names of those that moves is given; state trial.players when the settings name others",
            )


def everybody_moves(trial: Trial) -> None:
    """Within ``rounds`` rounds every player moves: one that never does is a mistake that nobody would see."""
    schedule = trial.made()
    waiting = set(trial.players)
    for round in range(trial.rounds):
        waiting -= set(schedule.moves(round, trial.players))
    if waiting:
        raise Failure(
            f"in {trial.rounds} rounds {', '.join(sorted(waiting))} never moves",
            "a move of every player",
            "check the arithmetic of the round; state trial.rounds where the schedule's cycle is longer",
        )


def everybody_moves_whatever_is_heard(trial: Trial) -> None:
    """A schedule that steers lets everybody move within ``rounds`` rounds, be the figure low or high for ever."""
    schedule = trial.made()
    if not isinstance(schedule, SteeredSchedule):
        return
    for figure in (-1e6, 0.0, 0.5, 1.0, 1e6):
        memory, waiting = schedule.begin(), set(trial.players)
        for round in range(2 * trial.rounds):
            before = dict(memory)
            if round >= trial.rounds:  # what the figure has taught it by then is what counts
                waiting -= set(schedule.moves_after(memory, round, trial.players))
            memory = schedule.heard(memory, figure)
            if before != schedule.heard(before, figure) and schedule.heard(before, figure) != memory:
                raise Failure(
                    f"hearing {figure} twice with the memory {before} gives two memories",
                    "the same whenever it is asked",
                    "compute it from the memory and the figure alone; keep nothing in the component",
                )
        if waiting:
            raise Failure(
                f"with the figure {figure} in every round {', '.join(sorted(waiting))} never moves in {trial.rounds}",
                "a move of every player",
                "let who waits move now and then: what nobody sees any more steers nothing",
            )


def what_is_remembered_is_numbers(trial: Trial) -> None:
    """Checkpoints hold it as JSON: finite numbers by name, the same names all along."""
    schedule = trial.made()
    if not isinstance(schedule, SteeredSchedule):
        return
    memory = schedule.begin()
    after = schedule.heard(memory, 0.25)
    numbers = (*memory.values(), *after.values())
    plain = all(isinstance(value, (int, float)) and value - value == 0.0 for value in numbers)
    if not plain or json.loads(json.dumps(dict(after))) != dict(after) or memory.keys() != after.keys():
        raise Failure(
            f"it remembers {dict(memory)}, and {dict(after)} after a figure",
            "finite numbers by name, the same names",
            "keep numbers; return all of them from heard",
        )


def is_a_pure_function_of_the_round(trial: Trial) -> None:
    """A round asked alone, again, or out of order has the same movers: a run resumes in the middle of any cycle."""
    rounds = range(min(trial.rounds, 200))
    first = trial.made()
    in_order = [list(first.moves(round, trial.players)) for round in rounds]
    again = [list(first.moves(round, trial.players)) for round in reversed(rounds)][::-1]
    fresh = [list(trial.made().moves(round, trial.players)) for round in rounds]
    for round, (one, two, three) in enumerate(zip(in_order, again, fresh, strict=True)):
        if not one == two == three:
            raise Failure(
                f"round {round} has the movers {one}, and {two if one != two else three} when asked out of order",
                "the same movers whenever a round is asked for",
                "compute them from the round alone; keep no counter and draw no random number",
            )


def names_are_the_players_that_the_settings_mention(trial: Trial) -> None:
    """``names`` tells which players the settings mention, so that a misspelt one is found before training."""
    unknown = sorted(set(trial.made().names()) - set(trial.players))
    if unknown:
        raise Failure(
            f"the settings mention {', '.join(unknown)}",
            f"some of {', '.join(trial.players)}",
            "state trial.players with the players of these settings",
        )
