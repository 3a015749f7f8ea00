"""``docs/doctor.md`` from ``table.json`` and the components themselves: no figure on the page is written by hand."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import healthy_end
from cases import CASES

from gan_recipe.components.documentation import settings
from gan_recipe.components.registry import Registry
from gan_recipe.components.summary import summary
from gan_recipe.language.check_doctor import SIGNALS, VERDICTS

HERE = Path(__file__).parent
_HELD_OUT = ("share", "ranked", "copied")
_CELLS = "still told | modes, before | after | diversity, before | after | besides"
_HEAD = """\
# The doctor

While a run trains, *signals* are measured in a few of its rounds, and *verdicts* are told from their history: in plain
words, with the figures, and with the recipe lines that treat it. `gan-recipe diagnose RUN` gathers them, also of a
finished run. Nothing is wired: who judges whom is read from the recipe's graph. Behind augmentation, noise, packs and
pools of past fakes samples are measured as they are made; only the critic is judged by what it sees. A run with the
doctor ends with the same bits as one without.

```toml
[doctor]
every = 50                                   # rounds between two looks at a player
off = ["spectra"]                            # signals or verdicts to leave out
verdicts.mode_collapse = { diversity = 0.3 } # a verdict's settings
```

This page is written by `python docs/doctor/suite.py page`.
"""

_OF_SEEDS = """\
What was changed after a seed was seen is shown by later ones:

- `sudden_collapse` missed seed 1, and its rule was changed.
- `overfitting` was told of a healthy run, `d_supervised` below: its rule asks for harm since then, for which seed 1 was
  looked at.
- Of `sudden_collapse` the cure was tenths of all rates, after which its runs (seeds 3 and 4) were silent and far from
  done. It is the rate from before its rise since then, found on seed 0.
- Of `overfitting` the cure was R1 alone, after which two people were copied as before (seeds 3 and 4, faces of 48 px
  seed 1). It has more people since then, for which seed 5 was looked at; later ones take their place.
- Where `overfitting` was told for the distance alone the cure was R1 alone, too, after which six people were copied as
  before (below). It has more people whichever harm is told of since then; seed 2 of `six_people_bce` came later.
- Of `one_loss_leads` the cure was a weight, which is right where it was measured: the run became varied and stayed off
  the clusters. The balance beside it kept the shares of the old weights and healed nothing (seed 1). With its own
  weights it goes on measuring, and comes first; the weight alone is among the other cures below. With as much for the
  loss that led as for all others two clusters stayed empty (seeds 2 and 8). It has half as much since then, found on
  seeds 0, 3 and 8, a tenth being no better: seeds 9 and 10 came later.
- A penalty on the critic's slope, where there was none, had the weight 1: of a collapse that was cured with it 17 % to
  25 % of samples were near a cluster (seeds 1, 2 and 7), of the healthy ring half. It is 0.1 since then, found on seeds
  0 and 8: seeds 9 and 10 came later.
- `sudden_collapse` was told of the cured `six_people_bce` for one bad batch, and asks for more than one since then. All
  that could change of what the table has of it was judged again, and is as before.
- Of `non_finite` the cure lowered every rate, and left a cloud in place of clusters (seeds 1 and 2). Where some rates
  are wild it lowers those alone since then.
- `phase` first paired a trained generator with the critic of round 100, of which nothing was told with seed 1, and the
  case was changed to a fresh critic, as the notebook had it. With seed 4 such a critic ordered 58 % of pairs by chance
  and was not told of; the rule does not ask for the order where the critic is fresh since then.
- Of `phase_mismatch_after_load` the cure was to hold the generator for 300 rounds, after which it lost a third of its
  variety for a while (seeds 1 and 6). It is to load the critic from the same round since then, where there is one:
  seeds 2 and 7 came later. Holding is among the other cures below.
- In `runaway` the critic is one of spectral norm: its scale is divided out, and its weights run away while its scores
  stay as they are. The cure was a tenth of every rate, after which the generator was too slow (seed 0), and then a
  tenth of the critic's, which did not do with seed 2. It is no more than five times the generator's since then, too:
  seeds 5 and 6 came later.
- In `limits` a generator of a wild rate stands at the limits of its tanh. The cure was a twentieth of every rate, which
  left it wild (seed 0). It is of the generator alone since then, and no more than its critic's: seeds 1 and 2 came
  later.
- Of `factor_lost` the cure was the label of what the head is shown, which in standard light is always the same: there
  was nothing to learn (a loss of 0.00, seeds 1 and 2). It is the image that the label is of since then; the runs are
  those of the healthy case, as they should be.
- `collapse_noisy`, and the healthy runs behind noise, packs, past fakes and augmentation, came with seeds 1 and 2.
  Noise and augmentation had been measured with the samples before, and of a collapse behind noise (seed 0) nothing was
  told. The noise was of deviation 0.3, behind which the healthy ring itself found 5 to 8 clusters (seeds 8 to 12); it
  is 0.1 since then: seeds 9 and 10 came later.
- All runs on the ring were of 1,500 rounds, after which healthy ones, too, had about half of their samples near a
  cluster. They are of 3,000 since then; what is told, and when, is the same."""
_OF_CURES = """\
Each cure is the lines of the verdict as they stand, in a recipe that extends the failing one. Modes and diversity are
the means of the last three looks, over the real data's: 1 is as varied as that. A run that broke off has none.

Silence is not all: cured runs are held against healthy ones of as many rounds, people and pixels. Each cell has the
failed run's figure, the cured one's, and its bound. A run ends healthy where nothing is told of it any more and its
variety is at least three quarters of the healthy runs', and further

- on the ring, where each of the eight clusters holds samples, and as many samples are near one as two thirds of the
  healthy runs' (75 % after these 3,000 rounds, less behind noise or under another bound of the critic); after a load
  the variety is never below 95 % of the healthy runs' least;
- with faces, where copies among outputs for new people are at most half, which chance alone may give, or 9 % above the
  healthy run with the most, one standard deviation of 32 samples; their distance to the targets is at most a tenth
  above the healthy runs' mean; after `overfitting` it is below the best that the failed run ever had; and after
  `factor_lost` the critic's loss of the light, ln 20 = 3.00 for a guess, is at least three quarters as far below a
  guess as it is in healthy runs.
"""
_OF_FACES = """
The mismatch of `phase` may pass by itself: with seed 7 the failed run's figures would do as well.

Two or six people are as varied as the targets of training, because they are what the outputs repeat; two hundred are
not yet, healthy or cured. So that `six_people` is told of for its distance, it has its bound for copies off.
"""
_OF_OTHERS = """\
R1 or augmentation alone keep the critic of two or six people from knowing them by heart. What is made of new people
shows these all the same: a loss that holds outputs to their targets teaches them as well, and only more people help.
Where more are to be had, neither is proposed beside them any more. Behind the augmentation outputs are
measured as they are made: what was made of new people ended 0.179 from its targets for `six_people`, 5 % above its
best, and 0.210 for `six_people_bce`, 13 % above it, with a critic that knows its people less well; they had ended at
0.246 and 0.234. What `sudden_collapse` is told of there is so: within 25 rounds modes fell to a half, and the distance
of what is made of the batch rose by four tenths; 200 rounds later both were nearly as before."""
_OF_SHIPPED = """\
The critic of `d_supervised` comes to know its 200 people by heart, and what is made of new people comes nearer to them
all along: as long as the rule did not ask for harm, `overfitting` was told of it in round 1,600 of the recipe as it
was then, with batches of 16.

`siamese` learns slowly and well: its head's loss of light, ln 20 = 3.00 for a guess, stands at 2.77 after 450 rounds
and at 0.70 in the end. Two rules gave false alarms of such recipes and were mended: `factor_lost` looked at the last
four figures, where a slow fall drowns in noise, counted rounds where a head learns in moves, and asked generators for
heads that they do not train; `one_loss_leads` was told where the adversarial loss is quiet at the code that contrastive
losses share (0.5 %), though it has 60 % of the gradient at the image. The runs of 46 of the table's 48 rows are kept
and were judged again: all is told as before, but that `lost_light_48` no longer blames the generator, too.

`d_supervised_literal` fails, as its comment says, and the last sheet shows it: coloured noise, one image for all. Its
critic moves in every 4th round and orders real and fake no better than a guess all along: too weak, not too strong.

Of `wgan_srgan` nothing is told. Around round 8,100 the critic, clipped and sure until then (100 % of pairs), is
overtaken: `gan` goes from 0.1 to 0.8 of the gradient at the image, outputs come out noisier, and their distance to new
targets rises from 0.11 to 0.15. That is short of the 40 % and four deviations of `sudden_collapse`, and not far.

Of `photographs` it is true that the critic does not learn expressions: its loss stays above ln 4 = 1.39 for 1,000
rounds and ends at 1.31, as [the page on them](photographs.md) says of the larger run. Heads turn forward and are
vague."""
_OF_THE_NOTEBOOK = """\
What the two say of each other, entry by entry:

- N07 to N09 begin with a fresh critic beside a generator that was trained for long, which is told in the first round.
  N07's critic, which the author calls too strong after 50,000 rounds, ranks nearly all pairs after these 500 and doubts
  nearly as much as one that knows nothing: the verdict is not told, rightly so far.
- N08's critic knows nothing, behind losses that look fine, and the doctor's `ranked` shows it. `critic_too_weak` stays
  silent, because real and fake are not yet as plainly different as its bound wants.
- N09's clipped critic passes hardly any gradient to the image. The author tells of losses below 0, and not of that.
- N11's author says that L1 leads. It does at the image, short of the bound of 0.95: nothing is told.
- N13 has the fewest modes of the seven, as its author says, below the bound of 0.4: the verdict wants five looks from
  round 300 on, and a run of 500 rounds has four.
- N22 and N28 are good in their author's words, and nothing is told of them. That N22's light is confused is in its last
  figure: 500 rounds see a judge once, and the verdict wants four looks. N28's collapse came after round 19,800.

Until the recipes above were watched to their ends, `factor_lost` was told of N11's and N13's light in round 450, and
`one_loss_leads` of the code in N09, N11, N22 and N28: false alarms of the rules that are named there."""


_OF_THE_LONGER = """\
- N07, on the parents of the table above: the critic ranks all pairs from round 600 on and doubts less and less, 0.80 as
  much in the end as one that knows nothing. That is the way to where its author found it, and still far from the bound.
- N13's variety grows with the rounds: at the 500 of the table above its modes are still low, and five low looks from
  round 300 on would have been a false alarm; here the fourth of them rises above the bound. The last sheet shows
  different people in noisy pictures, and neither the author's collapse nor his single image.
- N13's and N22's light is told to be lost, in round 2,000, which is true: nothing tells the decoder of the light that
  the truth has. Of N22 its author says so. The pose, which he calls confused as well, is right in 0.97 of N22's outputs
  in round 1,500 and in 0.36 in the end: that began too late for a verdict which wants four looks.
- N28 is very good, as its author says (rank-1 0.75, the light right in 0.97), and stays so where he saw the collapse:
  his round 19,800 is 990 of these, and modes and diversity rise to the end. Nothing is told."""


def page(rows: list[dict[str, Any]]) -> str:
    """The whole page."""
    return "\n".join([_HEAD, *_components(), *_confusion(rows), *_cures(rows), *_shipped(), *_notebook()]) + "\n"


def _components() -> Iterator[str]:
    registry = Registry.installed()
    for title, names, kind in (("Signals", SIGNALS, "signal"), ("Verdicts", VERDICTS, "verdict")):
        yield f"## {title}\n"
        for name in names:
            cls = registry.component(name, kind)
            yield f"- **`{name}`**: {' '.join(summary(cls).split())}"
            if stated := settings(cls):
                yield "  Settings: " + "; ".join(f"`{each.name} = {each.default}`" for each in stated) + "."
            text = inspect.getdoc(cls) or ""
            if "Source: " in text:
                yield "  Source: " + " ".join(text.partition("Source: ")[2].split())
        if kind == "verdict":
            yield (
                "- **`non_finite`**: The first number that is not finite, with its loss, value and network. It costs "
                "nothing until a\n  line of figures holds one; the rounds since the last sound checkpoint are then "
                "played again."
            )
        yield ""


def _confusion(rows: list[dict[str, Any]]) -> Iterator[str]:
    seeds = sorted({row["seed"] for row in rows})
    yield "## What it tells of failures that were caused, and of healthy runs\n"
    yield (
        f"`docs/doctor/suite.py` trained each case of `docs/doctor/cases.py` with seeds {', '.join(map(str, seeds))} "
        "and default thresholds, which were\nchosen on seed 0 and faces of 32 px. A verdict beside the caused one "
        "need not be a false "
        "alarm:\na critic that is too strong leaves a generator that never leaves its first cluster. "
        "On healthy runs any verdict is one.\n"
    )
    yield _OF_SEEDS
    yield "\n| case | seed | caused | told in round (must be by) | told besides |"
    yield "|---|---|---|---|---|"
    for case, row in _paired(rows):
        mine = [each["round"] for each in row["told"] if each["verdict"] == case.verdict]
        others = [f"{each['verdict']} ({each['round']})" for each in row["told"] if each["verdict"] != case.verdict]
        told = "" if case.verdict is None else f"{mine[0]} ({case.by})" if mine else f"**missed** ({case.by})"
        caused = case.verdict or "nothing: healthy"
        yield f"| {case.name} | {row['seed']} | {caused} | {told} | {', '.join(others) or '-'} |"
    healthy = [(case, row) for case, row in _paired(rows) if case.verdict is None]
    failing = [(case, row) for case, row in _paired(rows) if case.verdict]
    found = sum(is_found(case, row) for case, row in failing)
    alarms = sum(bool(row["told"]) for _, row in healthy)
    yield f"\nFound in time: {found} of {len(failing)}. Healthy runs with a false alarm: {alarms} of {len(healthy)}.\n"


def is_found(case: Any, row: dict[str, Any]) -> bool:
    """Whether the caused failure was told by its round."""
    return any(each["verdict"] == case.verdict and each["round"] <= case.by for each in row["told"])


def _cures(rows: list[dict[str, Any]]) -> Iterator[str]:
    yield "## The same runs with the cure that was stated\n"
    yield _OF_CURES
    cured = [(case, row) for case, row in _paired(rows) if "cured" in row]
    for base in ("ring", "faces"):
        yield from healthy_end.table(base, cured, rows)
        yield ""
    healed = sum(not healthy_end.lacks(case, row, rows) for case, row in cured)
    yield f"Cured runs that end healthy: {healed} of {len(cured)}."
    yield _OF_FACES
    yield "| case | the cure of its first seed |"
    yield "|---|---|"
    shown: set[str] = set()
    for case, row in _paired(rows):
        mine = next((each for each in row["told"] if each["verdict"] == case.verdict and each["cure"]), None)
        if mine and case.name not in shown:
            shown.add(case.name)
            yield f"| {case.name} | {'<br>'.join(f'`{line}`' for line in mine['cure'])} |"
    yield from _other_cures(rows)
    pictured = {case.name for case, row in _paired(rows) if "cured" in row}
    if pictures := [case for case in CASES if case.name in pictured and (HERE / f"{case.name}.png").is_file()]:
        yield "\nBefore and after, the last sheet of the first seed:\n"
        for case in pictures:
            yield f"![{case.name}: {case.verdict}, and cured](doctor/{case.name}.png)"


def _before_and_after(verdict: str | None, row: dict[str, Any], treated: dict[str, Any]) -> list[str]:
    """How the treated run ended, what is still told, and figures of both: the last cells of a row."""
    still = ", ".join(f"{verdict} ({round})" for round, verdict in treated["told"]) or "-"
    runs = (row["last"], treated["last"])
    figures = [str(last.get(name, "-")) for name in ("modes", "diversity") for last in runs]
    back = treated.get("went_back", 0)
    besides = [f"went back {'once' if back == 1 else f'{back} times'}"] if back else []
    if counted := [last for last in runs if "found" in last]:
        besides.append(" to ".join(f"{last['found']:.0f}" for last in counted) + " clusters")
        besides.append(" to ".join(f"{last['good']:.0%}" for last in counted) + " near one")
    if verdict == "overfitting" and all("copied" in last for last in runs):
        besides.append("copies " + " to ".join(f"{last['copied']:.0%}" for last in runs))
        besides.append("gap " + " to ".join(f"{last['gap']:g}" for last in runs))
    return [treated["outcome"], still, *figures, "; ".join(besides) or "-"]


def _other_cures(rows: list[dict[str, Any]]) -> Iterator[str]:
    """Cures that a verdict states beside its first one, trained to their ends."""
    treated = [(case, row, other) for case, row in _paired(rows) for other in row.get("others", ())]
    yield "\nOther cures that these verdicts state, or stated before, trained to their ends as well:\n"
    yield f"| case | seed | lines | run | {_CELLS} |"
    yield "|---|---|---|---|---|---|---|---|---|---|"
    for case, row, other in treated:
        lines = "<br>".join(f"`{line}`" for line in other["cure"])
        yield f"| {' | '.join([case.name, str(row['seed']), lines, *_before_and_after(case.verdict, row, other)])} |"
    yield ""
    yield _OF_OTHERS


def _shipped() -> Iterator[str]:
    runs: dict[str, dict[str, Any]] = json.loads((HERE / "shipped.json").read_text())
    yield "\n## Recipes that come with it\n"
    yield (
        "Runs of shipped recipes, as far as they went, on seeds of the recipes' own. Of the critic and samples that it "
        "never saw the\nlast look is shown: `share` and `ranked` say whether it knows its training samples by heart "
        "(bounds 0.5 and 0.8), `copied`\nwhether what is made of new samples repeats them (0.8); both must hold for "
        "`overfitting`. `docs/doctor/shipped.py` judges\nfinished runs again.\n"
    )
    yield "| recipe | with | rounds | told | share | ranked | copied |"
    yield "|---|---|---|---|---|---|---|"
    for name, run in runs.items():
        told = ", ".join(f"{verdict} ({round})" for round, verdict, _ in run["told"]) or "-"
        changed = "<br>".join(f"`{each}`" for each in run["set"]) or "-"
        rounds = f"{run['rounds']:,}" + ("" if run["rounds"] == run["of"] else f" of {run['of']:,}")
        held_out = [f"{run['held_out'][each]:.2f}" if each in run["held_out"] else "-" for each in _HELD_OUT]
        yield f"| {' | '.join([f'`{name}`', changed, rounds, told, *held_out])} |"
    yield ""
    yield _OF_SHIPPED


def _notebook() -> Iterator[str]:
    entries: dict[str, dict[str, Any]] = json.loads((HERE / "notebook.json").read_text())
    rounds = ", ".join(sorted({f"{entry['rounds']:,}" for entry in entries.values()}))
    yield "\n## Entries of the notebook, small\n"
    yield (
        f"The runs of [the notebook's page](notebook/index.md) to their end, {rounds} rounds, parents first, judged\n"
        "by `docs/doctor/notebook.py`. Figures are the means of the last three looks; 1 is the variety of the targets, "
        "and guessing\nthe light gives 0.05. Shares are those of the gradient at the image and at the code.\n"
    )
    yield from _entries(entries)
    yield _OF_THE_NOTEBOOK
    longer: dict[str, dict[str, Any]] = json.loads((HERE / "notebook_longer.json").read_text())
    yield "\nEntries with more of their 50,000 rounds, by `run.scale`, which shortens their schedules likewise:\n"
    yield from _entries({f"{name}, {entry['rounds']:,} rounds": entry for name, entry in longer.items()})
    yield _OF_THE_LONGER


def _entries(entries: dict[str, dict[str, Any]]) -> Iterator[str]:
    yield "| entry | its author | told | image: gan, L1 | code: gan | ranked | diversity | modes | light right |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for name, entry in entries.items():
        figures = entry["figures"]
        cells = [f"{figures[f'generator/fake/share/{loss}']:.2f}" for loss in ("gan", "l1")]
        rest = [f"{figures[each]:.3f}" for each in ("generator/code/share/gan",)]
        rest += [f"{figures[f'critic/gan/{each}']:.2f}" for each in ("ranked", "diversity", "modes")]
        rest += [f"{figures['judged_light']:.2f}"]
        verdicts = [f"{verdict} of {about} ({round})" for round, verdict, about in entry["told"]]
        yield f"| {' | '.join([name, entry['author'], ', '.join(verdicts) or 'nothing', ', '.join(cells), *rest])} |"
    yield ""


def _paired(rows: list[dict[str, Any]]) -> Iterator[tuple[Any, dict[str, Any]]]:
    for case in CASES:
        for row in sorted(rows, key=lambda row: int(row["seed"])):
            if row["case"] == case.name:
                yield case, row
