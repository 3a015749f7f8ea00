"""Who may import whom, read from the sources: the rules that keep looking cheap and plugins on equal terms."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import typing
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import attrs
import pytest

import gan_recipe
from gan_recipe.components.registry import Registry
from gan_recipe.components.setting_types import is_setting_type

ROOT = Path(__file__).parents[1]
CORE = sorted((ROOT / "core" / "gan_recipe").rglob("*.py"))
PLUGINS = sorted((ROOT / "plugins" / "gan_recipe_plugins").rglob("*.py"))
HEAVY = {"torch", "numpy", "PIL", "timm", "torchvision", "safetensors", "tensorboardX"}
# From the ground up: a room imports those before it and none after it, not inside a function and not for types. What
# lies beside the rooms is the ground of them all.
ROOMS = (
    "components",
    "language",
    "runs",
    "distributed",
    "engine",
    "health",
    "report",
    "loop",
    "exports",
    "sweeps",
    "verify",
    "testing",
    "site",
    "cli",
)
# Interfaces say what signals and verdicts are handed, which only the doctor can make: names of types, no more.
NAMED_FROM_BELOW = {"interfaces": {"health.case", "health.moment"}}
# The modules of the core that compute. All others can be imported without torch, and are. Those of the conformance kit
# are imported when a test asks for the checks of a kind.
TORCH_LAYER = {
    "distributed.digests",
    "distributed.gradient_exchange",
    "distributed.joining",
    "distributed.processes",
    "distributed.row_draws",
    "distributed.shared_batch_norm",
    "engine.balance",
    "engine.build",
    "engine.checkpoint_size",
    "engine.concat_check",
    "engine.concatenation",
    "engine.evaluate",
    "engine.first_weights",
    "engine.graph",
    "engine.hardware",
    "engine.journal",
    "engine.made_by_name",
    "engine.norms_in_full",
    "engine.player",
    "engine.precision",
    "engine.randomness",
    "engine.rehearsal",
    "engine.rehearsal_findings",
    "engine.sheet",
    "engine.split_check",
    "engine.steering",
    "engine.stream",
    "engine.training",
    "exports.export",
    "exports.exported",
    "exports.formats",
    "exports.parity",
    "health.consequences",
    "health.doctor",
    "health.going_back",
    "health.non_finite",
    "loop.launch",
    "loop.train",
    "runs.checkpoint",
    "testing.constraint_checks",
    "testing.data_checks",
    "testing.examples",
    "testing.graph_capture_checks",
    "testing.loss_checks",
    "testing.metric_checks",
    "testing.network_checks",
    "testing.signal_checks",
    "testing.slope_checks",
    "verify.trial",
}


def ids(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def name_of(path: Path) -> str:
    """``room.module`` of a module of the core."""
    return ".".join(path.relative_to(ROOT / "core" / "gan_recipe").with_suffix("").parts)


def imports(path: Path, *, top_only: bool = False, for_types: bool = False) -> Iterator[str]:
    """What a file imports, in full, but for types alone; with ``top_only`` only what importing the file imports."""
    tree = ast.parse(path.read_text())
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            assert node.module is not None
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        if top_only and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test) and not for_types:
            pending.extend(node.orelse)
            continue
        pending.extend(ast.iter_child_nodes(node))


def packages(path: Path, *, top_only: bool = False) -> set[str]:
    return {module.partition(".")[0] for module in imports(path, top_only=top_only)}


def ours(path: Path) -> set[str]:
    """The core's modules that importing the file imports, as ``room.module``."""
    modules = [module.split(".") for module in imports(path, top_only=True)]
    return {".".join(module[1:3]) for module in modules if module[0] == "gan_recipe"}


def rooms_named_by(path: Path) -> set[tuple[str, str]]:
    """The room and the name of every module in a room that a file imports, however late, or names as a type."""
    modules = [module.split(".") for module in imports(path, for_types=True)]
    named = {(module[1], ".".join(module[1:3])) for module in modules if module[0] == "gan_recipe" and len(module) > 1}
    return {(room, name) for room, name in named if room in ROOMS}


@pytest.mark.parametrize("path", [path for path in CORE if path.stem not in ("__init__", "__main__")], ids=ids)
def test_a_room_imports_only_rooms_below_it(path: Path) -> None:
    """Neither does the ground. (The package's own ``__init__`` is its front door, and opens on all of them.)"""
    room, _, module = name_of(path).rpartition(".")
    below = ROOMS[: ROOMS.index(room) + 1] if room else ()
    above = {name for there, name in rooms_named_by(path) if there not in below}
    assert above == NAMED_FROM_BELOW.get(module, set())
    assert not above & {".".join(name.split(".")[1:3]) for name in imports(path)}, "for types alone"


def test_no_module_imports_one_that_imports_it() -> None:
    """By any way round, however late: each can be read, and tested, after those that it stands on."""
    modules = {name_of(path).removesuffix(".__init__"): path for path in CORE}
    graph = {}
    for name, path in modules.items():
        named = [module.removeprefix("gan_recipe.") for module in imports(path, for_types=True)]
        read = {each if each in modules else each.rpartition(".")[0] for each in named} & modules.keys()
        graph[name] = read - NAMED_FROM_BELOW.get(name, set())
    assert list(TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("path", CORE, ids=ids)
def test_the_core_does_not_come_in_by_the_front_door(path: Path) -> None:
    """What is public has a home in a room or on the ground, and is imported from there."""
    assert not {f"gan_recipe.{name}" for name in gan_recipe.__all__} & {*imports(path, for_types=True)}


def test_every_room_has_its_place_in_the_order_and_the_design_tells_it() -> None:
    """A folder of the core with modules in it is a room; ``docs/design.md`` lists them from the ground up."""
    folders = {path.parent.name for path in CORE if path.parent.name != "gan_recipe"}
    assert folders == set(ROOMS)
    assert all((ROOT / "core" / "gan_recipe" / room / "__init__.py").is_file() for room in ROOMS)
    design = (ROOT / "docs" / "design.md").read_text()
    assert re.findall(r"^  - `(\w+)/`", design, re.MULTILINE) == list(ROOMS)


@pytest.mark.parametrize("path", CORE, ids=ids)
def test_the_core_never_imports_plugins(path: Path) -> None:
    """Not even inside a function, nor for types."""
    assert "gan_recipe_plugins" not in path.read_text().replace('"gan_recipe_plugins', "")
    assert "gan_recipe_plugins" not in packages(path)


@pytest.mark.parametrize("path", PLUGINS, ids=ids)
def test_a_plugin_imports_of_ours_only_the_public_package_and_its_own(path: Path) -> None:
    """``from gan_recipe import`` what is in ``__all__``: what a stranger's plugin can have, and no more."""
    for module in imports(path):
        package, _, rest = module.partition(".")
        if package == "gan_recipe":
            assert rest in gan_recipe.__all__, f"{module} is not public"
        assert package != "tests"


@pytest.mark.parametrize("path", [*CORE, *PLUGINS], ids=ids)
def test_nothing_but_the_command_line_imports_it(path: Path) -> None:
    """The framework can be used without it."""
    if "cli" not in path.parts and path.stem != "__main__":
        assert not any(re.match(r"gan_recipe\.cli(\.|$)", module) for module in imports(path))
        assert not {"click", "rich"} & packages(path)


@pytest.mark.parametrize("path", [path for path in CORE if name_of(path) not in TORCH_LAYER], ids=ids)
def test_outside_the_torch_layer_nothing_heavy_is_imported_at_the_top(path: Path) -> None:
    """Nor is a module of the torch layer, which would bring it along."""
    assert not HEAVY & packages(path, top_only=True)
    assert not ours(path) & TORCH_LAYER


@pytest.mark.parametrize("path", [path for path in CORE if path.parent.name in ("components", "language")], ids=ids)
def test_the_language_and_the_components_never_import_anything_heavy(path: Path) -> None:
    """Not inside a function either: what a recipe says is known without it."""
    assert not HEAVY & packages(path)


def test_the_torch_layer_is_what_it_says() -> None:
    """Each of its modules needs torch or one that does: the list is as short as it can be."""
    paths = {name_of(path): path for path in CORE}
    assert set(paths) >= TORCH_LAYER
    for name in TORCH_LAYER:
        assert packages(paths[name], top_only=True) & HEAVY or ours(paths[name]) & TORCH_LAYER, name


@pytest.mark.parametrize("path", PLUGINS, ids=ids)
def test_in_plugins_only_private_modules_import_anything_heavy_at_the_top(path: Path) -> None:
    """A component's module is imported by ``list`` and ``check``; it imports its private one inside ``build``."""
    parts = path.relative_to(ROOT / "plugins" / "gan_recipe_plugins").parts
    if any(part.startswith("_") and part != "__init__.py" for part in parts):
        return
    assert not HEAVY & packages(path, top_only=True)


def test_importing_every_component_imports_nothing_heavy() -> None:
    """What the sources promise, kept by the interpreter: private modules imported at a top are light ones."""
    code = f"""
import sys
from gan_recipe.components.registry import Registry
assert len(Registry.installed().every()) > 40
sys.exit(", ".join(sorted({HEAVY!r} & set(sys.modules))) or 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", [*CORE, *PLUGINS], ids=ids)
def test_a_file_is_named_after_one_idea_and_says_it(path: Path) -> None:
    """A docstring of its own, a name of lower-case words, and none that could hold anything."""
    assert re.fullmatch(r"_?[a-z][a-z0-9_]*|__init__|__main__", path.stem), path.stem
    assert not {"utils", "util", "helpers", "helper", "manager", "base", "common", "misc"} & set(path.stem.split("_"))
    tree = ast.parse(path.read_text())
    assert len(ast.get_docstring(tree) or "") > 10
    statements = [node for node in tree.body if not isinstance(node, ast.Expr)]
    if statements and path.name != "__init__.py":
        first = statements[0]
        assert isinstance(first, ast.ImportFrom) and first.module == "__future__", "annotations stay texts"


@pytest.mark.parametrize("path", CORE, ids=ids)
def test_every_public_class_and_function_of_the_core_is_documented(path: Path) -> None:
    """Whatever is more than a line or two that its name explains."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and not node.name.startswith("_"):
            assert ast.get_docstring(node) or len(node.body) == 1, f"{path.name}: {node.name}"


@pytest.mark.parametrize(("name", "cls"), sorted(Registry.installed().every().items()))
def test_every_component_is_a_frozen_class_of_settings_that_a_recipe_can_state(name: str, cls: type) -> None:
    """Frozen, and every field of a type that TOML can hold."""
    assert cls.__setattr__.__name__ == "_frozen_setattrs"
    hints = typing.get_type_hints(cls)
    assert all(is_setting_type(hints[field.name]) for field in attrs.fields(cls) if field.init), name
