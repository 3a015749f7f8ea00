"""What schedules promise: a pure function of the round under which everybody moves."""

from __future__ import annotations

from gan_recipe.testing.case import Case, Failure


def moves_are_players_in_order(case: Case) -> None:
    """In every round the movers are some of the recipe's players, each at most once."""
    schedule = case.made()
    for round in range(case.rounds):
        moves = list(schedule.moves(round, case.players))
        if len(set(moves)) < len(moves) or not set(moves) <= set(case.players):
            raise Failure(
                f"in round {round} the movers are {moves}",
                f"some of {list(case.players)}, none twice",
                "return names of those that moves is given; state case.players when the settings name others",
            )


def everybody_moves(case: Case) -> None:
    """Within ``rounds`` rounds every player moves: one that never does is a mistake that nobody would see."""
    schedule = case.made()
    waiting = set(case.players)
    for round in range(case.rounds):
        waiting -= set(schedule.moves(round, case.players))
    if waiting:
        raise Failure(
            f"in {case.rounds} rounds {', '.join(sorted(waiting))} never moves",
            "a move of every player",
            "check the arithmetic of the round; state case.rounds where the schedule's cycle is longer",
        )


def is_a_pure_function_of_the_round(case: Case) -> None:
    """A round asked alone, again, or out of order has the same movers: a run resumes in the middle of any cycle."""
    rounds = range(min(case.rounds, 200))
    first = case.made()
    in_order = [list(first.moves(round, case.players)) for round in rounds]
    again = [list(first.moves(round, case.players)) for round in reversed(rounds)][::-1]
    fresh = [list(case.made().moves(round, case.players)) for round in rounds]
    for round, (one, two, three) in enumerate(zip(in_order, again, fresh, strict=True)):
        if not one == two == three:
            raise Failure(
                f"round {round} has the movers {one}, and {two if one != two else three} when asked out of order",
                "the same movers whenever a round is asked for",
                "compute them from the round alone; keep no counter and draw no random number",
            )


def names_are_the_players_that_the_settings_mention(case: Case) -> None:
    """``names`` tells which players the settings mention, so that a misspelt one is found before training."""
    unknown = sorted(set(case.made().names()) - set(case.players))
    if unknown:
        raise Failure(
            f"the settings mention {', '.join(unknown)}",
            f"some of {', '.join(case.players)}",
            "state case.players with the players of these settings",
        )
