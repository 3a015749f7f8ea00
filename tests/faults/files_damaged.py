"""Files that are cut, flipped, malformed or hostile: what is loaded wrong, what is told, and how long it takes."""

from __future__ import annotations

import contextlib
import io
import random
import shutil
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

from unwalked import unwalked

from faults.runs_struck import JOB, PLAIN, fresh
from faults.victims import Victims
from gan_recipe.components.registry import Registry
from gan_recipe.errors import RecipeError, UserError
from gan_recipe.language.recipe_file import shipped_recipes
from gan_recipe.runs.check_recipe import check
from gan_recipe.runs.checkpoint import BrokenCheckpointError, load
from gan_recipe.runs.run_folder import RunFolder


def damaged_checkpoints(victims: Victims, folder: Path, *, cuts: int, flips: int, seed: int = 0) -> dict[str, int]:
    """Every file of a checkpoint cut at ``cuts`` places, and ``flips`` bits flipped in turn over all of them."""
    draw = random.Random(seed)
    assert victims.run(PLAIN, *JOB, folder=fresh(folder / "run")).code == 0
    run = RunFolder(folder / "run" / "runs" / "victim" / "1")
    sound = load(run, 18)
    files = sorted((run.checkpoints / "00000018").iterdir())
    figures = dict.fromkeys(("files", "cuts", "flips", "loaded wrong", "not named"), 0) | {"files": len(files)}

    def attempt(path: Path, data: bytes) -> None:
        whole = path.read_bytes()
        path.write_bytes(data)
        try:
            loaded = load(run, 18)
            same = loaded.state == sound.state and all(
                sound.tensors[group][key].equal(tensor)
                for group, tensors in loaded.tensors.items()
                for key, tensor in tensors.items()
            )
            figures["loaded wrong"] += not same or loaded.tensors.keys() != sound.tensors.keys()
        except BrokenCheckpointError as error:
            # A bit of the manifest is a bit of the name or the checksum of any file.
            figures["not named"] += path.name not in str(error) and path.name != "manifest.json"
        finally:
            path.write_bytes(whole)

    for path in files:
        data = path.read_bytes()
        for at in draw.sample(range(len(data)), min(cuts, len(data))):
            attempt(path, data[:at])
            figures["cuts"] += 1
    for turn in range(flips):
        path = files[turn % len(files)]
        data = bytearray(path.read_bytes())
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        attempt(path, bytes(data))
        figures["flips"] += 1
    return figures


_SPICE = ("[", "]", "{", "}", '"', "'''", "=", ".", "\n", "\x00", "nan", "inf", "-1", "1e999", "é", "\ufeff", "use")
_VALUES = ("nan", "-inf", "1e308", "-7", "true", '""', '"no_such"', "[]", "{}", "[[[1]]]", "1979-05-27", "10" * 400)


def broken_recipes(folder: Path, *, count: int, seed: int = 0) -> dict[str, float]:
    """Shipped recipes with bytes changed, lines moved, and values, keys and tables that are none."""
    draw = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    texts = [path.read_text() for path in shipped_recipes().values()]
    figures = dict.fromkeys(("recipes", "refused", "still sound", "tracebacks", "not placed", "slower than 100 ms"), 0)
    registry = Registry.installed()
    registry.every()
    slowest = 0.0
    for path in shipped_recipes().values():  # what the recipes extend lies beside them
        shutil.copy(path, folder / path.name)
    stated = folder / "broken.toml"
    with unwalked():
        for text in _broken(draw, texts, count):
            stated.write_bytes(text)
            figures["recipes"] += 1
            began = time.thread_time()
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    check(str(stated), registry=registry)
                figures["still sound"] += 1
            except RecipeError as error:
                figures["refused"] += 1
                figures["not placed"] += not all(problem.where for problem in error.problems)
            except UserError:
                figures["refused"] += 1
            except Exception:
                figures["tracebacks"] += 1
            took = time.thread_time() - began
            for _ in range(2):  # noise of a shared machine only adds: of three times the best counts
                if took > 0.1:
                    began = time.thread_time()
                    with contextlib.suppress(UserError):
                        check(str(stated), registry=registry)
                    took = min(took, time.thread_time() - began)
            slowest = max(slowest, took)
            figures["slower than 100 ms"] += took > 0.1
    return {**figures, "slowest in ms": round(slowest * 1000)}


def _broken(draw: random.Random, texts: list[str], count: int) -> Iterator[bytes]:
    for turn in range(count):
        text = draw.choice(texts)
        lines = text.split("\n")
        kind = turn % 6
        if kind == 0:  # bytes
            data = bytearray(text.encode())
            for _ in range(draw.randrange(1, 6)):
                data[draw.randrange(len(data))] = draw.randrange(256)
            yield bytes(data)
            continue
        if kind == 1:  # something put in, something left out
            at = draw.randrange(len(text))
            text = text[:at] + draw.choice(_SPICE) * draw.choice((1, 1, 50)) + text[at + draw.randrange(20) :]
        elif kind == 2:  # a value of another type
            at = draw.choice([at for at, line in enumerate(lines) if "=" in line])
            lines[at] = lines[at].partition("=")[0] + "= " + draw.choice(_VALUES)
            text = "\n".join(lines)
        elif kind == 3:  # lines in another order
            one, other = draw.randrange(len(lines)), draw.randrange(len(lines))
            lines[one], lines[other] = lines[other], lines[one]
            text = "\n".join(lines)
        elif kind == 4:  # names that are none
            words = [word for word in text.replace('"', " ").split() if word.isidentifier() and len(word) > 3]
            word = draw.choice(words)
            text = text.replace(word, word[::-1], draw.choice((1, 99)))
        else:  # far too much of something
            many = draw.choice((40, 300))
            text += draw.choice(
                (
                    "\n[x" + ".y" * many + "]\n",
                    "\nx = " + "[" * many + "]" * many + "\n",
                    "".join(f'\n[networks.n{number}]\nuse = "no_such_{number}"' for number in range(many)),
                    "".join(f"\nkey_{number} = {number}" for number in range(many)),
                    '\nextends = "' + "../" * many + 'etc/passwd"\n',
                )
            )
        yield text.encode("utf-8", "replace")


def damaged_images(folder: Path, *, count: int, seed: int = 0) -> dict[str, int]:
    """A folder of photographs of which most are damaged: cut, flipped, bombs, other files under an image's name."""
    import numpy as np
    from PIL import Image

    from gan_recipe_plugins.image_folder import ImageFolder

    draw = random.Random(seed)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (48, 40, 3), dtype="uint8")
    for number in range(20):
        Image.fromarray(pixels).save(folder / f"sound_{number}.png")
    for number in range(count):
        form = ("png", "jpeg", "webp", "bmp")[number % 4]
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, form)
        data = bytearray(buffer.getvalue())
        kind = draw.randrange(5)
        if kind == 0:
            data = data[: draw.randrange(len(data))]
        elif kind == 1:
            data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        elif kind == 2:
            data[: draw.randrange(4, 60)] = b""
        elif kind == 3:
            data = bytearray(draw.randbytes(draw.randrange(200)))
        else:  # a bomb: a few bytes that say they are 30,000 px wide
            data = _bomb()
        (folder / f"damaged_{number}.{form}").write_bytes(data)
    figures = {"images": count, "tracebacks": 0, "wrong shapes": 0}
    began = time.monotonic()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            source = ImageFolder(folder=folder, size=16).open()
            batch = source.batch(0, 0, 64, ["image"])["image"]
        figures["wrong shapes"] += batch.shape != (64, 3, 16, 16) or not bool(np.isfinite(batch).all())
    except Exception:
        figures["tracebacks"] += 1
    return {**figures, "seconds": round(time.monotonic() - began)}


def _bomb() -> bytearray:
    import struct
    import zlib

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    return bytearray(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(10**6))) + chunk(b"IEND", b"")
    )
