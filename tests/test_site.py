"""The generated pages: one for every component, true to it, and harmless whatever a stranger's component says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from gan_recipe.components.documentation import settings
from gan_recipe.components.entry_points import EntryPoint
from gan_recipe.components.registry import Registry
from gan_recipe.interfaces import Loss
from gan_recipe.language.recipe_file import shipped_recipes
from gan_recipe.language.recipe_settings import DoctorSettings, RunSettings, SheetSettings
from gan_recipe.site.component_pages import Listed, component_index, component_page, listed
from gan_recipe.site.curve import loss_curve
from gan_recipe.site.markdown import code, escaped, paragraphs, prose
from gan_recipe.site.network_shapes import shapes_drawer
from gan_recipe.site.pages import generated_pages
from gan_recipe.site.schedule_timeline import schedule_timeline


@pytest.fixture(scope="module")
def pages(registry: Registry) -> dict[str, str]:
    return generated_pages(registry, pictures=False)


def test_every_component_has_a_page(pages: dict[str, str], registry: Registry) -> None:
    """With every setting, its default and its comment's first words, and a line in the index that leads to it."""
    for name, cls in registry.every().items():
        page = pages[f"components/{name}.md"]
        assert f"[`{name}`](components/{name}.md) | {cls.kind} |" in pages["components.md"]
        for setting in settings(cls):
            assert f"| `{setting.name}` |" in page
        assert f'use = "{name}"' in page
        doc = cls.__doc__ or ""
        assert ("Source" in doc) == ("Source" in page), name


def test_every_shipped_recipe_has_a_page_and_is_named_by_what_it_uses(pages: dict[str, str]) -> None:
    """The file as it is; and the components that it names link back."""
    for name, path in shipped_recipes().items():
        assert path.read_text().rstrip() in pages[f"recipes/{name.replace('/', '-')}.md"]
    assert "[`wgan_srgan`](../recipes/wgan_srgan.md)" in pages["components/wgan_clip.md"]
    assert "[`zoo/ring_r1`](../recipes/zoo-ring_r1.md)" in pages["components/r1.md"]


def test_the_recipe_reference_names_every_key(pages: dict[str, str]) -> None:
    """Of the tables whose keys are fixed."""
    for cls in (RunSettings, SheetSettings, DoctorSettings):
        for setting in settings(cls):
            assert f"| `{setting.name}` |" in pages["reference/recipe.md"]
    for key in ("trains", "optimizer", "lr_schedule", "ema", "start", "init", "weight", "every", "on", "T_max"):
        assert f"`{key}`" in pages["reference/recipe.md"]


def test_losses_and_schedules_have_their_pictures(registry: Registry) -> None:
    """Every adversarial loss and penalty a curve, every schedule a timeline of who moves."""
    every = registry.every()
    for name, cls in every.items():
        if issubclass(cls, Loss) and (cls.adversarial or name in ("r1", "r2", "wgan_gp", "l1", "l2", "cross_entropy")):
            assert loss_curve(cls) is not None, name
    told = schedule_timeline("n_critic", every["n_critic"], registry)
    assert told is not None and told.svg.count("class='mark") == 24 + 4, (
        "five critic's moves for one of the generator's"
    )


def test_a_network_is_drawn_as_a_recipe_builds_it(registry: Registry) -> None:
    """DCGAN's decoder: noise, 4x4 at 1024 channels, then twice the side and half the channels, to the image."""
    draw = shapes_drawer(registry)
    told = draw("dcgan_decoder", registry.every()["dcgan_decoder"])
    assert told is not None and "recipe dcgan" in told.caption
    shapes = re.findall(r"<text class='strong'[^>]*>([^<]+)<", told.svg)
    assert [each for each in shapes if each.count("x") == 2] == [
        *(f"{1024 >> step} x {4 << step} x {4 << step}" for step in range(4)),
        "3 x 64 x 64",
    ]
    assert shapes[0] == "100"
    tuples = draw("unet_decoder", registry.every()["unet_decoder"])
    assert tuples is not None and "3 x 64 x 64" in tuples.svg
    alone = draw("upsample_decoder", registry.every()["upsample_decoder"])
    assert alone is not None and "default settings" in alone.caption and "3 x 64 x 64" in alone.svg
    assert draw("r1", registry.every()["r1"]) is None


def test_a_curve_is_the_loss(registry: Registry) -> None:
    """Read back from the drawing: the hinge falls to 1 (fake's share at score 0) where real scores 1 and more."""
    picture = loss_curve(registry.every()["hinge_critic"])
    assert picture is not None
    real, fake = re.findall(r"class='line c\d' d='M([^h']+L[^']+)'", picture.svg)
    ys = [[float(point.split()[1]) for point in line.split("L")] for line in (real, fake)]
    told = re.findall(r"y='([\d.]+)' text-anchor='end'>([-\d.]+)<", picture.svg)
    (low_y, low), (high_y, high) = ((float(y) - 4, float(words)) for y, words in (told[0], told[-1]))
    values = [[low + (low_y - y) / (low_y - high_y) * (high - low) for y in line] for line in ys]
    for index, (of_real, of_fake) in enumerate(zip(*values, strict=True)):
        score = -4 + index / 10
        assert of_real == pytest.approx(max(0, 1 - score) + 1, abs=0.02)
        assert of_fake == pytest.approx(max(0, 1 + score) + 1, abs=0.02)


HOSTILE = "<script>alert(1)</script> [x](javascript:alert(1)) {raw}`html <b>` ![p](http://x/y.png) | a | $x$ *b* # h"


@frozen
class Hostile(Loss):
    __doc__ = f"""Says {HOSTILE}.

    ```{{raw}} html
    <script>alert(2)</script>
    ```

    % a comment that would vanish

        indented ``` <script>alert(3)</script>
    """

    #: A <b>setting</b> | with a bar.
    odd: str = "`|</code><script>alert(4)</script>"

    def __call__(self, fake: Any) -> Any:
        return fake.mean()


def test_nothing_that_a_stranger_says_becomes_markup() -> None:
    """In a docstring, a comment, a default or a name: rendered by MyST, the page has our own tags alone."""
    from markdown_it import MarkdownIt

    strange = Listed("../acme.x<y>", Hostile, "acme <i>1</i>")
    assert re.fullmatch(r"[A-Za-z0-9_.~-]+", strange.file) and not strange.file.startswith(".")
    html = MarkdownIt("commonmark", {"html": True}).enable("table")
    for page in (component_page(strange), component_index([strange]).partition("<script>")[0]):
        shown = html.render(page)
        tags = set(re.findall(r"<(\w+)", shown))
        assert tags <= {
            "h1",
            "h2",
            "p",
            "em",
            "pre",
            "code",
            "table",
            "thead",
            "tbody",
            "tr",
            "th",
            "td",
            "a",
            "ul",
            "li",
        }
        assert "javascript:" not in "".join(re.findall(r'href="([^"]*)"', shown))
        assert "alert(1)" in shown
        assert "\\{raw\\}" in page and not re.search(r"^`{3,}\{", page, re.MULTILINE)
    assert "a comment that would vanish" in html.render(component_page(strange))


def test_words_survive_as_they_are() -> None:
    """Code spans stay code, whatever is in them; all else is shown and not obeyed."""
    assert prose("the ``(B, C)`` of `x_y` and a_b*c") == "the `(B, C)` of `x_y` and a\\_b\\*c"
    assert escaped("<b> & `x`") == "&lt;b&gt; &amp; \\`x\\`"
    assert code("a`b") == "``a`b``"
    assert paragraphs("One\nline.\n\n- an item\n  goes on\n- another") == "One line.\n\n- an item goes on\n- another"


def test_strangers_components_get_pages_when_asked_for(registry: Registry) -> None:
    """Under their full names, with the distribution that they came with; without ``plugins`` our own alone."""
    both = Registry.of([EntryPoint("gan_recipe", "gan_recipe_plugins", "gan-recipe 1"), _stranger()])
    both.plugins["acme"].components = {"hostile": Hostile}
    found = {each.name: each for each in listed(both, plugins=True)}
    assert "acme.hostile" in found and "acme.hostile" not in [each.name for each in listed(both, plugins=False)]
    assert found["acme.hostile"].distribution == "acme-losses 2.1"


def _stranger() -> EntryPoint:
    return EntryPoint("acme", "acme", "acme-losses 2.1")


@pytest.mark.slow
def test_an_organisation_builds_a_site_of_its_plugins(tmp_path: Path) -> None:
    """Without hand-written pages and without a warning: an example package has its pages beside our own."""
    package = Path(__file__).parents[1] / "docs" / "examples" / "acme-heads"
    shutil.copytree(package / "acme_heads", tmp_path / "acme_heads")
    project = tomllib.loads((package / "pyproject.toml").read_text())["project"]
    info = tmp_path / f"acme_heads-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    lines = [f"{name} = {module}" for name, module in project["entry-points"]["gan_recipe"].items()]
    (info / "entry_points.txt").write_text("\n".join(["[gan_recipe]", *lines, ""]))
    done = subprocess.run(
        [sys.executable, "-m", "gan_recipe", "docs", "build", "--plugins", "--out", "ours"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    (namespace,) = project["entry-points"]["gan_recipe"]
    found = list((tmp_path / "ours" / "components").glob(f"{namespace}.*.html"))
    assert len(found) == 2 and all(f"{project['name']} {project['version']}" in page.read_text() for page in found)
    assert (tmp_path / "ours/components/wgan_clip.html").is_file() and (tmp_path / "ours/index.html").is_file()


def test_pages_are_written_by_one_command(
    gan_recipe: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Plain Markdown, without torch when no picture is wanted; where they cannot be written that is told."""
    done = gan_recipe("docs", "pages", "pages", "--no-pictures")
    assert done.code == 0 and (tmp_path / "pages/components/wgan_clip.md").is_file()
    assert (tmp_path / "pages/reference/cli.md").read_text().startswith("# Command line")
    (tmp_path / "file").write_text("")
    assert gan_recipe("docs", "pages", "file/below", "--no-pictures").code == 2
    monkeypatch.setitem(sys.modules, "furo", None)
    done = gan_recipe("docs", "build")
    assert done.code == 2 and "the site needs furo: pip install 'gan-recipe[docs]'" in done.err
    (tmp_path / "empty").mkdir()
    done = gan_recipe("docs", "build", "empty")
    assert done.code == 2 and "empty has no index.md" in done.err
