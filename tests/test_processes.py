"""Processes that torchrun starts are one run: equal to one process, stopped together, and never orphans."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from test_training import TINY
from torch import Tensor, nn

from gan_recipe.distributed.row_draws import RowDraws
from gan_recipe.engine.training import Training
from gan_recipe.errors import RecipeError
from gan_recipe.runs.check_recipe import check
from gan_recipe.runs.run_folder import RunFolder

SCRIPT = Path(__file__).with_name("in_double.py")
LAST = "00000012"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """TINY has everything: 1:1 to 1:2 schedule, lazy R1 and WGAN-GP, batch norm, spectral norm, EMA, pairs, ramps."""
    monkeypatch.chdir(tmp_path)
    text = TINY.replace("batch = 4", "batch = 8").replace("log_every = 3", "log_every = 3\nobservers = []")
    (tmp_path / "tiny.toml").write_text(text)
    return tmp_path


def command(processes: int, *words: str, restarts: int = 0) -> list[str]:
    if processes == 1:
        return [sys.executable, str(SCRIPT), "run", *words]
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    return [sys.executable, *launcher, f"--max-restarts={restarts}", str(SCRIPT), "run", *words]


def run(processes: int, *words: str, code: int | None = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    done = subprocess.run(command(processes, *words), env=env, capture_output=True, text=True, timeout=240)
    assert code is None or done.returncode == code, done.stderr
    return done


def apart(first: str, second: str, at: str = LAST) -> float:
    """The largest absolute difference of any number in two runs' checkpoints: weights, averages, optimisers, sums."""
    worst = 0.0
    files = sorted(Path(first, "checkpoints", at).glob("*.safetensors"))
    assert files
    for path in files:
        mine, theirs = load_file(path), load_file(Path(second, "checkpoints", at, path.name))
        assert mine.keys() == theirs.keys()
        for name, tensor in mine.items():
            if tensor.numel():
                worst = max(worst, float((tensor.double() - theirs[name].double()).abs().max()))
    return worst


def lines(run: str) -> list[dict[str, float]]:
    return [json.loads(line) for line in Path(run, "metrics.jsonl").read_text().splitlines()]


def test_two_processes_are_one_run() -> None:
    """Weights, averages, optimisers and sums to 1e-12 in float64, figures to 1e-9, sheets to the pixel.

    No thread of gloo's that holds tensors outlives the interpreter: one that lets go of them then aborts a done run.
    """
    often = ("-s", "doctor.every=2")
    run(1, "tiny.toml", "--name", "one", *often)
    run(2, "tiny.toml", "--name", "two", *often)
    left = [Path(f"threads-left-{rank}").read_text() for rank in (0, 1)]
    assert all("python" in names and "runloop" not in names for names in left), left
    assert apart("runs/one/1", "runs/two/1") < 1e-12
    for one, two in zip(lines("runs/one/1"), lines("runs/two/1"), strict=True):
        assert one.keys() == two.keys()
        signals = {name for name in one if name.startswith("signals/")}  # which are float32
        for names, near in ((one.keys() - signals, 1e-9), (signals, 1e-5)):
            assert {name: two[name] for name in names} == pytest.approx({n: one[n] for n in names}, rel=near, abs=near)
    for sheet in Path("runs/one/1/sheets").iterdir():
        assert sheet.read_bytes() == Path("runs/two/1/sheets", sheet.name).read_bytes()
    assert [path.name for path in Path("runs/two").iterdir() if path.name.isdigit()] == ["1"]


@pytest.mark.slow
def test_four_processes_are_the_same_run_and_a_run_changes_their_number() -> None:
    """1 and 4 to 1e-12; and begun by 2, gone on by 1 from round 4 and by 2 again from round 8, it ends the same."""
    run(1, "tiny.toml", "--name", "one")
    run(4, "tiny.toml", "--name", "four")
    assert apart("runs/one/1", "runs/four/1") < 1e-12
    run(2, "tiny.toml", "--name", "two", "-s", "run.keep=4")
    for round, processes in ((4, 1), (8, 2)):
        for folder in Path("runs/two/1/checkpoints").glob("[0-9]*"):
            if int(folder.name) > round:
                shutil.rmtree(folder)
        changed = RunFolder(Path("runs/two/1"))
        changed.write_description({**changed.describe(), "outcome": "stopped", "round": round})
        run(processes, "--resume", "two/1")
    assert apart("runs/one/1", "runs/two/1") < 1e-12
    assert [line["round"] for line in lines("runs/two/1")] == [line["round"] for line in lines("runs/one/1")]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["siamese", "pix2pix"])
def test_shipped_recipes_are_one_run_in_two_processes(name: str) -> None:
    """4:6, batch norm in every network, contrastive pairs; and dropout in a U-Net: 1e-10 after six rounds."""
    small = ["run.rounds=6", "run.batch=4", "run.held_out=4", "data.faces.identities=4", "data.faces.held_out=2"]
    nets = {"siamese": ["encoder", "decoder", "trunk"], "pix2pix": ["encoder", "trunk"]}[name]
    small += [f"networks.{network}.width=0.125" for network in nets]
    small += ["run.precision=float32", "run.observers=[]", "run.log_every=2"]
    if name == "siamese":
        small += ["networks.identity.stop=24", "networks.attributes.first=24"]
    words = [word for each in small for word in ("-s", each)]
    run(1, name, *words, "--name", "one")
    run(2, name, *words, "--name", "two")
    assert apart("runs/one/1", "runs/two/1", "00000006") < 1e-10


@pytest.mark.slow
def test_a_number_that_is_none_in_one_process_stops_all_at_the_same_step() -> None:
    """It is told once, with the round and where it came from, and everything before it is kept."""
    done = run(2, "tiny.toml", "-s", "run.log_every=1", code=None, SPOILED="1")
    assert done.returncode != 0
    assert done.stderr.count("became nan before round 6") == 1, done.stderr
    assert "In round 5 the data's field" in " ".join(done.stderr.split()), done.stderr
    assert "Process 1 failed" not in done.stderr
    told = RunFolder(Path("runs/tiny/1")).describe()
    assert told["outcome"] == "failed" and "became nan before round 6" in told["why"]
    assert [path.name for path in Path("runs/tiny/1/checkpoints").iterdir()] == ["00000004"]


@pytest.mark.slow
def test_weights_that_differ_between_processes_are_found_and_named() -> None:
    """One bit of one weight, in one of them: before the next checkpoint, so that no file holds either."""
    done = run(2, "tiny.toml", code=None, SPOILED="1", PERTURB="1")
    assert done.returncode != 0
    assert done.stderr.count("no longer hold the same weights: trunk") == 1, done.stderr
    assert [path.name for path in Path("runs/tiny/1/checkpoints").iterdir()] == ["00000004"]


TREATED = """
[run]
rounds = 12
batch = 8
log_every = 3
checkpoint_every = 4
precision = "float32"
observers = []

[data]
faces = { use = "synthetic_faces", size = 16, identities = 4, held_out = 2, only = ["target"] }
noise = { use = "noise", size = 8 }

[networks]
body    = { use = "dcgan_decoder", size = 16, width = 0.0625 }
trunk   = { use = "dcgan_encoder", width = 0.125 }
verdict = { use = "linear_fc" }
augment = { use = "ada", target = 0.0, over = 200, interval = 2 }
past    = { use = "replay", size = 16 }

[values]
fake       = "body(noise)"
real_score = "augment(verdict(trunk(augment(target))))"
old_score  = "verdict(trunk(augment(past(fake))))"
fake_score = "verdict(trunk(augment(fake)))"

[players.critic]
trains     = ["trunk", "verdict"]
optimizer  = { use = "adam", lr = 1e-3 }
losses.gan = { use = "bce_critic", real = "real_score", fake = "old_score" }

[players.generator]
trains     = ["body"]
optimizer  = { use = "adam", lr = 1e-3 }
losses.gan = { use = "bce_generator", fake = "fake_score", weight = 0.5 }
losses.l2  = { use = "l2", output = "fake", target = "target" }
balance    = { at = "fake", reference = "l2", losses = ["gan"] }
clip_gradients = 0.5

[schedule]
use = "together"

[doctor]
every = 2
"""


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 4])
def test_treatments_that_keep_samples_are_one_run(count: int) -> None:
    """A replay pool, ADA's strength, a balance and clipped gradients: 1e-12 in float64, signals in float32."""
    Path("treated.toml").write_text(TREATED)
    run(1, "treated.toml", "--name", "one")
    run(count, "treated.toml", "--name", "many")
    assert apart("runs/one/1", "runs/many/1") < 1e-12
    kept = load_file("runs/one/1/checkpoints/00000012/networks.safetensors")
    assert kept["past/seen"] == 96 and 0 < kept["augment/p"] < 1
    for one, many in zip(lines("runs/one/1"), lines("runs/many/1"), strict=True):
        assert many == pytest.approx(one, rel=1e-4, abs=1e-5)


def children(process: int) -> list[int]:
    try:
        return [int(pid) for pid in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    except OSError:
        return []


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def rank_of(process: int) -> int:
    environment = dict(each.split(b"=", 1) for each in Path(f"/proc/{process}/environ").read_bytes().split(b"\0")[:-1])
    return int(environment[b"RANK"])


def started(restarts: int, *words: str, **environment: str) -> tuple[subprocess.Popen[str], list[int]]:
    """A long run by two processes, some rounds into it, and the processes."""
    long = ["-s", "run.rounds=200", "-s", "run.checkpoint_every=20", "-s", "run.log_every=1", "-s", "sheet.every=200"]
    env = {**os.environ, "OMP_NUM_THREADS": "1", "IN_FLOAT": "1", **environment}
    launched = subprocess.Popen(
        command(2, "tiny.toml", "--resume-or-start", *long, *words, restarts=restarts),
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    until(lambda: Path("runs/tiny/1/checkpoints/00000020").is_dir() or launched.poll() is not None, 120)
    workers = children(launched.pid)
    assert launched.poll() is None and len(workers) == 2
    return launched, workers


def until(holds: Any, seconds: float) -> float:
    """How long it took until ``holds``; fails after ``seconds``."""
    begun = time.monotonic()
    while not holds():
        assert time.monotonic() - begun < seconds, "it took too long"
        time.sleep(0.05)
    return time.monotonic() - begun


@pytest.mark.slow
def test_a_killed_process_takes_the_others_down_and_torchrun_goes_on_by_itself() -> None:
    """kill -9 of one of two: restarted from the last checkpoint, the run ends with the bytes of one never disturbed."""
    launched, workers = started(2)
    os.kill(workers[1], signal.SIGKILL)
    until(lambda: not any(map(alive, workers)), 15)
    assert launched.wait(240) == 0, launched.stderr.read() if launched.stderr else ""
    shutil.move("runs/tiny", "runs/disturbed")
    plain, _ = started(0)
    assert plain.wait(240) == 0
    assert apart("runs/tiny/1", "runs/disturbed/1", "00000200") == 0.0
    assert lines("runs/tiny/1") == lines("runs/disturbed/1")


@pytest.mark.slow
def test_a_process_that_hangs_is_named_in_bounded_time() -> None:
    """Alive and still (SIGSTOP), where the other waits for a sum: that one says for what and for whom, and ends."""
    launched, workers = started(0, GAN_RECIPE_PATIENCE="4")
    # Not the first: where that one works alone, the others wait for an hour.
    workers.sort(key=rank_of)
    os.kill(workers[1], signal.SIGSTOP)
    try:
        took = until(lambda: not alive(workers[0]), 60)
    finally:
        os.kill(workers[1], signal.SIGKILL)  # torchrun would do so, after half a minute
    told = launched.communicate(timeout=60)[1]
    assert launched.returncode != 0 and took > 4
    assert re.search(r"The run failed: in round \d+ this process has waited 4 s for [a-z ]+\. Process 1 did not", told)
    described = RunFolder(Path("runs/tiny/1")).describe()
    assert described["outcome"] == "failed" and "Process 1 did not come" in described["why"]


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2])
def test_data_that_hangs_ends_all_processes_in_bounded_time(processes: int) -> None:
    """An open(2) that never returns, in the last process: that one names the data and the batch; none goes on."""
    os.mkfifo("pipe")
    last = str(processes - 1)
    begun = time.monotonic()
    done = run(processes, "tiny.toml", code=None, SPOILED=last, PIPE="pipe", GAN_RECIPE_PATIENCE="3")
    assert done.returncode == 1 and time.monotonic() - begun < 100
    assert "failed: data.faces has not made batch 5 within 3 s" in done.stderr, done.stderr
    assert [path.name for path in Path("runs/tiny/1/checkpoints").iterdir()] == ["00000004"]
    assert RunFolder(Path("runs/tiny/1")).describe()["outcome"] == "failed"


@pytest.mark.slow
def test_a_signal_to_the_launcher_saves_one_round() -> None:
    """SIGTERM, which reaches the processes at different moments: they end after one and the same round, saved."""
    launched, workers = started(0)
    launched.terminate()
    until(lambda: not any(map(alive, workers)), 30)
    launched.wait(60)
    told = RunFolder(Path("runs/tiny/1")).describe()
    assert told["outcome"] == "stopped" and 20 <= told["round"] < 200
    assert max(Path("runs/tiny/1/checkpoints").iterdir()).name == f"{told['round']:08d}"


@pytest.mark.slow
def test_without_its_launcher_no_process_goes_on() -> None:
    """kill -9 of torchrun: five seconds later there are no orphans, and what they left can be resumed."""
    launched, workers = started(0)
    os.kill(launched.pid, signal.SIGKILL)
    launched.wait()
    took = until(lambda: not any(map(alive, workers)), 5)
    assert took < 5
    told = RunFolder(Path("runs/tiny/1")).describe()
    assert told["outcome"] in ("stopped", "running")


# ------------------------------------------------------------------------------------------------- without launching


def draws(size: int) -> dict[str, Tensor]:
    """Numbers drawn in the ways that networks and losses draw them, for ``size`` samples."""
    like = torch.zeros(size, 3)
    image = torch.ones(size, 4, 6, 6)
    nhwc = image.to(memory_format=torch.channels_last)
    return {
        "rand": torch.rand(size, 1, 1),
        "randn": torch.randn((size, 20)),
        "randint": torch.randint(0, 9, (size,)),
        "rand_like": torch.rand_like(like),
        "randn_like": torch.randn_like(nhwc),
        "normal_": torch.empty(size, 17).normal_(),
        "bernoulli_": torch.empty_like(nhwc).bernoulli_(0.3),
        "bernoulli": torch.bernoulli(torch.full((size, 5), 0.4)),
        "dropout": nn.functional.dropout(image, 0.5, training=True),
        "dropout2d": nn.functional.dropout2d(nhwc, 0.5, training=True),
        "alone": torch.rand(()),
        "rows of rows": torch.rand(size * 3, 2),
    }


@pytest.mark.parametrize("count", [2, 4])
def test_drawn_rows_are_those_of_one_process(count: int) -> None:
    """The shares, one behind the other, are what one process draws; no two samples share numbers."""
    torch.manual_seed(3)
    whole = draws(8)
    shares = []
    for rank in range(count):
        torch.manual_seed(3)
        with RowDraws(rank, count, 8 // count):
            shares.append(draws(8 // count))
    for name, expected in whole.items():
        parts = [share[name] for share in shares]
        found = parts[0] if expected.dim() == 0 else torch.cat(parts)
        assert torch.equal(found, expected), name


def team(count: int) -> Any:
    """What the checks before the first round ask of the processes."""
    return SimpleNamespace(rank=0, count=count, first=True)


def test_a_batch_that_cannot_be_shared_evenly_is_told() -> None:
    """With the numbers of processes and the batch that would do."""
    with pytest.raises(RecipeError, match=r"tiny\.toml:\d+: run\.batch: 8 samples .* by 3 processes\. Start 2 or 4"):
        Training(check("tiny.toml"), processes=team(3))


def test_what_mixes_samples_is_refused_with_the_reason() -> None:
    """A minibatch's statistics in the critic: every loss that reads it is named, with both numbers.

    They are taken over groups of four, so two processes with four samples each are one run, and four with two are not.
    """
    text = Path("tiny.toml").read_text()
    text = text.replace("verdict   = {", 'mixer     = { use = "minibatch_std" }\nverdict   = {')
    for read in ("real", "fake", "_"):
        text = text.replace(f"verdict(trunk({read}))", f"verdict(mixer(trunk({read})))")
    Path("mixing.toml").write_text(text)
    Training(check("mixing.toml"), processes=team(2))
    with pytest.raises(RecipeError) as caught:
        Training(check("mixing.toml"), processes=team(4))
    told = {problem.key for problem in caught.value.problems}
    assert {"players.critic.losses.gan", "players.generator.losses.gan"} <= told
    assert "players.critic.losses.mode" not in told
    assert all("mixes the samples of a batch" in problem.what for problem in caught.value.problems)


@pytest.mark.parametrize("use", ["synthetic_faces", "image_folder"])
def test_a_source_that_says_so_makes_shares_by_sample(use: str, given: Any) -> None:
    """Batch 3 of 8 samples is batches 6 and 7 of 4 samples: processes make their own and no others."""
    name = {"synthetic_faces": "pix2pix", "image_folder": "photographs"}[use]
    few = ["data.faces.identities=4", "data.faces.held_out=2"] if use == "synthetic_faces" else []
    source = check(name, [*given(name), *few]).data["faces"].open()
    assert source.by_sample  # type: ignore[attr-defined]
    whole, first, second = source.batch(5, 3, 8), source.batch(5, 6, 4), source.batch(5, 7, 4)
    assert whole.keys() == first.keys()
    for field, array in whole.items():
        assert np.array_equal(array, np.concatenate([first[field], second[field]])), field


def test_the_module_is_the_command() -> None:
    """``python -m gan_recipe``, which is what torchrun starts by ``-m gan_recipe``."""
    done = subprocess.run([sys.executable, "-m", "gan_recipe", "--version"], capture_output=True, text=True)
    assert done.returncode == 0 and "version" in done.stdout


@pytest.mark.parametrize(("count", "batch"), [(2, 8), (4, 8), (4, 4)])
def test_a_pool_that_holds_no_whole_batch_is_found_before_round_0(count: int, batch: int) -> None:
    """Though it holds what each process has of one; and one that does is no problem. Nothing is left in the pool."""
    Path("treated.toml").write_text(TREATED.replace("batch = 8", f"batch = {batch}"))
    small = check("treated.toml", [f"networks.past.size={batch - 1}"])
    with pytest.raises(RecipeError, match=rf"'bce_critic' failed .* a batch of {batch} is more than the pool of"):
        Training(small, processes=team(count))
    with pytest.raises(RecipeError, match="is more than the pool of"):
        Training(small)
    training = Training(check("treated.toml", [f"networks.past.size={batch}"]), processes=team(count))
    assert int(training.graph.networks["past"].seen) == 0
