"""What schedules promise: a pure function of the round under which everybody moves."""

from __future__ import annotations

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
