"""Trains the recipes of ``recipes/zoo``, keeps what they measured in ``docs/zoo.json``, and writes ``docs/zoo.md``.

python tests/benchmarks/zoo.py dirac_gan grid_r1 --seeds 0 1     train these and keep their figures
python tests/benchmarks/zoo.py --page                            write the page anew from what is kept
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
MEASURED = DOCS / "zoo.json"
PAGE = DOCS / "zoo.md"

#: By recipe, then by seed: the figures of its metrics at the end, and the seconds of one core.
Measured = dict[str, dict[str, dict[str, float]]]

#: What the recipe is called on the page, and what the papers say of it.
DIRAC = {
    "dirac_gan": ("GAN", "no"),
    "dirac_non_saturating": ("GAN, not saturating", "ever more slowly"),
    "dirac_wgan": ("WGAN, weights clipped to 1", "no"),
    "dirac_wgan_gp": ("WGAN-GP, weight 1", "no"),
    "dirac_instance_noise": ("GAN, instance noise of sd 0.7", "yes"),
    "dirac_r1": ("GAN, R1 of weight 1", "yes"),
    "dirac_r2": ("GAN, R2 of weight 1", "yes"),
    "dirac_relativistic": ("relativistic, R1 and R2 of weight 1", "not in the paper"),
}
#: Lin et al. 2018, table 1: modes, percent of high quality, reverse KL; means of ten trials.
TOYS = {
    "gan": ("GAN", {"ring": "6.3 / 98.2 / 0.45", "grid": "17.3 / 94.8 / 0.70"}),
    "pacgan2": ("PacGAN2", {"ring": "7.9 / 95.6 / 0.07", "grid": "23.8 / 91.3 / 0.13"}),
    "r1": ("GAN, R1", {"ring": "-", "grid": "-"}),
    "relativistic": ("relativistic, R1 and R2", {"ring": "-", "grid": "-"}),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="*", help="names within recipes/zoo")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--page", action="store_true", help="write docs/zoo.md")
    parser.add_argument("--into", type=Path, default=MEASURED, help="where the figures are kept")
    stated = parser.parse_args()
    for seed in stated.seeds:
        for name in stated.recipes:
            figures = measure(name, seed)
            print(name, seed, figures, flush=True)
            measured = read(stated.into)
            measured.setdefault(name, {})[str(seed)] = figures
            stated.into.write_text(json.dumps(measured, indent=1, sort_keys=True) + "\n")
    if stated.page:
        PAGE.write_text(page(read(stated.into)))


def read(path: Path = MEASURED) -> Measured:
    measured: Measured = json.loads(path.read_text()) if path.exists() else {}
    return measured


def measure(name: str, seed: int) -> dict[str, float]:
    """Train one recipe as shipped, on one core."""
    from gan_recipe.cli.screen import QuietScreen
    from gan_recipe.components.registry import Registry
    from gan_recipe.loop.launch import start
    from gan_recipe.runs.check_recipe import check

    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[-1]})
    registry = Registry.installed()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["GAN_RECIPE_RUNS"] = folder
        began = time.process_time()
        figures = dict(start(check(f"zoo/{name}", [f"run.seed={seed}"], registry), registry, QuietScreen()).figures)
    return {key: float(f"{value:.4g}") for key, value in figures.items()} | {
        "cpu_seconds": round(time.process_time() - began)
    }


def page(measured: Measured) -> str:
    """The page, as a function of the figures."""
    return TEMPLATE.format(dirac="\n".join(_dirac(measured)), toys="\n".join(_toys(measured)))


def _dirac(measured: Measured) -> Iterable[str]:
    yield "| recipe `zoo/...` | loss | converges, says the paper | distance after 500 rounds |"
    yield "|---|---|---|---|"
    for name, (loss, published) in DIRAC.items():
        if name in measured:
            figures = measured[name]["0"]
            distance = (figures["theta"] ** 2 + figures["psi"] ** 2) ** 0.5
            yield f"| `{name}` | {loss} | {published} | {distance:.2g} |"


def _toys(measured: Measured) -> Iterable[str]:
    yield "| recipe `zoo/...` | loss | published | modes | high quality % | reverse KL | seeds | CPU s |"
    yield "|---|---|---|---|---|---|---|---|"
    for layout in ("ring", "grid"):
        for name, (loss, published) in TOYS.items():
            if runs := measured.get(f"{layout}_{name}"):
                yield _row(f"{layout}_{name}", loss, published[layout], runs)


def _row(name: str, loss: str, published: str, runs: Mapping[str, Mapping[str, float]]) -> str:
    def mean(figure: str, digits: str, factor: float = 1.0) -> str:
        values = [run[figure] * factor for run in runs.values()]
        spread = f" ({min(values):{digits}} to {max(values):{digits}})" if len(values) > 1 else ""
        return f"{statistics.mean(values):{digits}}{spread}"

    seconds = statistics.median(run["cpu_seconds"] for run in runs.values())
    return (
        f"| `{name}` | {loss} | {published} | {mean('modes', '.1f')} | {mean('high_quality', '.1f', 100)} "
        f"| {mean('reverse_kl', '.3f')} | {len(runs)} | {seconds:.0f} |"
    )


TEMPLATE = """\
# The zoo

What the literature says of toy problems, repeated by recipes in `recipes/zoo`. Figures are kept in `docs/zoo.json`;
`tests/benchmarks/zoo.py` measures them and writes this page from them.

## Dirac-GAN

Mescheder, Geiger and Nowozin 2018, "Which Training Methods for GANs do actually Converge?": the truth is the point 0,
the generator the point theta, the critic psi x, both start at distance 1, and 500 plain gradient steps of 0.2 follow.
The distance is that of (theta, psi) from (0, 0); it starts at 1.41. The default test suite trains all of them and holds
each, noise apart, equal to the same iteration written out in Python's floats.

{dirac}

- All verdicts are the paper's. A round moves the critic and then the generator, which the paper calls alternating
  gradient descent: it keeps the unregularised GAN on its circle, where simultaneous steps wind outwards.
- The loss that does not saturate comes nearer in every turn, by less each time: the paper proves that it converges, but
  not at a linear rate.
- WGAN-GP comes to rest, and not at the truth: the penalty pulls psi towards slope 1 with twice its weight, which at
  theta = 2 is in balance with the loss just above psi = 0, where the generator has no slope left to follow.
- Instance noise arrives up to the noise of a batch of 512.

## Ring and grid of Gaussians

Srivastava et al. 2017, "VEEGAN"; published figures from Lin et al. 2018, "PacGAN", table 1 (modes / high quality % /
reverse KL, means of ten trials). Of 2,500 samples: modes found, of 8 and of 25; the share within three standard
deviations of a mode; how unevenly the modes are hit, in nats. Mean over seeds, and the least and the greatest.

{toys}

- The set-up is smaller than the paper's and not the same: three layers of 128 with leaky ReLU and no batch norm against
  four of 400 with batch norm and a maxout critic; 12,000 rounds of 256 against 400,000 of 100; an average of the
  generator's weights. So modes and KL can be set beside the papers', the share of high quality cannot: it is 26 to 89 %
  here, where the paper has 91 to 98.
- The plain GAN loses modes of the grid as the paper's does, at about the same KL. On the ring it finds all 8, unevenly.
- Packing helps as the paper says: more modes of the grid and a third of the plain GAN's KL, at the price of quality,
  which falls in the paper too, if by less.
- Relativistic pairing with R1 and R2 (Huang et al. 2024, whose own toy is Stacked MNIST) has the lowest mean KL on the
  grid. R1 alone with the falling weight finds the modes as surely here; on the ring the two are equal. With three seeds
  these differences are no more than a direction.
- Stacked MNIST is not repeated: no data for it comes with the packages that the project uses.
"""

if __name__ == "__main__":
    main()
