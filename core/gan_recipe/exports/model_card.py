"""The model card of an exported value, in the Hub's format: YAML between two lines of dashes, then Markdown."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gan_recipe.language.recipe import Recipe
from gan_recipe.language.recipe_file import plain
from gan_recipe.runs.history import read_entry
from gan_recipe.runs.run_folder import RunFolder

if TYPE_CHECKING:
    from gan_recipe.exports.parity import Parity


def model_card(
    run: RunFolder,
    recipe: Recipe,
    told: Mapping[str, Any],
    parity: Sequence[Parity],
    files: Sequence[str],
    *,
    sheet: bool,
) -> str:
    """Recipe, lineage, data, figures, sheet and how far each file is from the networks that were trained.

    ``told`` is what the export's ``value.json`` says. The card states no licence: nobody told one.
    """
    name = run.path.parent.name
    entry = read_entry(run)
    figures, baseline = entry.figures, entry.baseline
    parts = [
        "---\n" + "".join(_yaml(_front_matter(name, recipe, told, figures))) + "---",
        f"# {_inline(name)}: {_inline(told['value'])}",
        _summary(run, recipe, told),
        *(["![Held-out samples of the run](sheet.png)"] if sheet else []),
        "## Use\n\n" + _use(told, files),
        "## Figures\n\n" + _figures(figures, baseline) if figures else "",
        "## Parity\n\nThe largest absolute difference from the networks of the run, on held-out samples.\n\n"
        + _table(
            ["file", *(f"batch {size}" for size in parity[0].difference), "largest output"],
            [
                [file, *(f"{each:.2g}" for each in one.difference.values()), f"{one.scale:.3g}"]
                for file, one in zip(files, parity, strict=True)
            ],
        ),
        "## Lineage\n\n" + _lineage(run, told),
        f"## Recipe\n\n```toml\n{plain(recipe.resolved_tables).strip()}\n```",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _front_matter(name: str, recipe: Recipe, told: Mapping[str, Any], figures: Mapping[str, float]) -> dict[str, Any]:
    task = _task(recipe, told)
    found: dict[str, Any] = {"library_name": "gan-recipe", "tags": ["gan", "gan-recipe", name]}
    if task:
        found["pipeline_tag"] = task
    data = ", ".join(dict.fromkeys(recipe.data_use.values()))
    if figures:
        found["model-index"] = [
            {
                "name": f"{name}: {told['value']}",
                "results": [
                    {
                        "task": {"type": task or "other"},
                        "dataset": {"type": data, "name": data, "split": "held-out"},
                        "metrics": [
                            {"type": recipe.metrics[metric].use if metric in recipe.metrics else metric, "name": metric,
                             "value": value}
                            for metric, value in figures.items()
                        ],
                    }
                ],
            }
        ]  # fmt: skip
    return found


def _task(recipe: Recipe, told: Mapping[str, Any]) -> str | None:
    """The Hub's name for what the value does; None for what is no image."""
    output = told["outputs"][0]
    if len(told["outputs"]) != 1 or len(output) != 4 or output[1] not in (1, 3):
        return None
    takes_images = any(len(recipe.fields[field].shape) == 3 for field in told["inputs"])
    return "image-to-image" if takes_images else "unconditional-image-generation"


def _summary(run: RunFolder, recipe: Recipe, told: Mapping[str, Any]) -> str:
    weights = "the running average of the weights" if told["averaged"] else "the weights"
    stated = recipe.resolved_tables["values"][told["value"]]
    return (
        f"The value `{told['value']} = {stated}` of the gan-recipe run `{run.name}`: {weights} "
        f"after {told['round']:,} of {recipe.run.rounds:,} rounds of {recipe.run.batch} samples."
    )


def _use(told: Mapping[str, Any], files: Sequence[str]) -> str:
    fields = {told["inputs"][full]: field for full, field in told["fields"].items() if full in told["inputs"]}
    inputs = _table(
        ["input", "shape", "dtype"],
        [[name, str(("batch", *each["shape"])).replace("'", ""), each["dtype"]] for name, each in fields.items()],
    )
    outputs = " and ".join(f"`({', '.join(map(str, output))})`" for output in told["outputs"])
    arguments = ", ".join(f"{name}={name}" for name in fields)
    examples = "\n".join(
        f"{name} = torch.zeros({', '.join(map(str, [4, *each['shape']]))}, dtype=torch.{each['dtype']})"
        for name, each in fields.items()
    )
    arrays = ", ".join(f'"{name}": {name}.numpy()' for name in fields)
    load = "from gan_recipe.exports.exported import load_value"
    lines = {
        "model.safetensors": f'module = load_value(".")\noutput = module({arguments})',
        "model.pt2": f'module = torch.export.load("model.pt2").module()\noutput = module({arguments})',
        "model.onnx": 'session = onnxruntime.InferenceSession("model.onnx")\n'
        f"output = session.run(None, {{{arrays}}})[0]",
    }
    imports = {"model.safetensors": f"import torch\n\n{load}", "model.onnx": "import onnxruntime\nimport torch"}
    blocks = "\n\n".join(
        f"```python\n{imports.get(file, 'import torch')}\n\n{examples}\n{lines[file]}\n```" for file in files
    )
    return f"{inputs}\n\nThe output is {outputs}; images lie in [-1, 1].\n\n{blocks}"


def _figures(figures: Mapping[str, float], baseline: Mapping[str, float]) -> str:
    return _table(
        ["on held-out samples", "before", "after"],
        [
            [name, f"{baseline[name]:.4g}" if name in baseline else "", f"{value:.4g}"]
            for name, value in figures.items()
        ],
    )


def _lineage(run: RunFolder, told: Mapping[str, Any]) -> str:
    lines = [f"- run: `{run.name}`, round {told['round']:,}"]
    for network, parent in told["parents"].items():
        lines.append(
            f"- `{network}` began as `{parent['network']}` of `{parent['run']}`, round {parent['round']:,} "
            f"(sha256 `{parent['sha256']}`)"
        )
    lines += [f"- data `{name}`: sha256 `{digest}`" for name, digest in told["data"].items()]
    versions = told["versions"]
    lines += [
        f"- {name} {_inline(str(versions[name]))}" for name in ("gan-recipe", "torch", "python") if name in versions
    ]
    return "\n".join(lines)


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_inline(str(cell)) for cell in line) + " |" for line in lines)


def _inline(text: str) -> str:
    return "".join(f"\\{c}" if c in "|<>[]`*\\" else c for c in text.replace("\n", " "))


def _yaml(value: Any, indent: str = "") -> list[str]:
    """Block YAML whose scalars are JSON, which YAML holds."""
    lines = []
    if isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(inner, (dict, list)):
                lines += [f"{indent}{key}:\n", *_yaml(inner, indent + "  ")]
            else:
                lines.append(f"{indent}{key}: {json.dumps(inner)}\n")
    else:
        for inner in value:
            if isinstance(inner, dict):
                first, *rest = _yaml(inner, indent + "  ")
                lines += [f"{indent}- {first.lstrip()}", *rest]
            else:
                lines.append(f"{indent}- {json.dumps(inner)}\n")
    return lines
