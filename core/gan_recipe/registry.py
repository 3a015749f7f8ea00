"""The components that installed plugins offer, found through entry points and imported when a recipe names them."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from importlib import metadata
from typing import Any

import pluggy
from attrs import define, field

from gan_recipe.errors import did_you_mean
from gan_recipe.hooks import PROJECT, Hooks
from gan_recipe.interfaces import KINDS, Component

#: Components of this namespace are named bare. It is the built-ins' entry point, found like any other.
BARE = PROJECT


class LookupProblem(LookupError):
    """A component cannot be had; the message says why and what to do."""


@define
class Plugin:
    """One entry point of the group ``gan_recipe``."""

    namespace: str
    entry_point: metadata.EntryPoint
    #: Two distributions that claim one namespace are both named here, and neither is used.
    distributions: list[str]
    error: str | None = None
    components: Mapping[str, type[Component] | str] | None = None

    @property
    def distribution(self) -> str:
        """``name version`` of the package that installed the plugin."""
        return " and ".join(self.distributions)


@define
class Registry:
    """Installed plugins by namespace. A plugin is imported on first use; a broken one harms no other."""

    plugins: dict[str, Plugin] = field(factory=dict)
    manager: pluggy.PluginManager = field(factory=lambda: pluggy.PluginManager(PROJECT))

    @classmethod
    def installed(cls) -> Registry:
        """Every plugin of this environment; none is imported yet."""
        return cls.of(metadata.entry_points(group=PROJECT))

    @classmethod
    def of(cls, entry_points: Iterable[metadata.EntryPoint]) -> Registry:
        registry = cls()
        registry.manager.add_hookspecs(Hooks)
        for entry_point in entry_points:
            distribution = entry_point.dist
            label = f"{distribution.name} {distribution.version}" if distribution else entry_point.value
            known = registry.plugins.get(entry_point.name)
            if known is None:
                registry.plugins[entry_point.name] = Plugin(entry_point.name, entry_point, [label])
            elif label not in known.distributions:
                known.distributions.append(label)
                known.error = (
                    f"{' and '.join(known.distributions)} both claim the namespace {entry_point.name!r}; "
                    "uninstall one of them"
                )
        return registry

    def component(self, stated: str, kind: str | tuple[str, ...]) -> type[Component]:
        """The component that a recipe calls ``stated`` (``name`` or ``namespace.name``). Raises LookupProblem."""
        kinds = (kind,) if isinstance(kind, str) else kind
        namespace, _, name = stated.rpartition(".")
        plugin = self.plugins.get(namespace or BARE)
        if plugin is None:
            installed = [known for known in self.plugins if known != BARE]
            raise LookupProblem(f"no installed plugin is called {namespace!r}.{did_you_mean(namespace, installed)}")
        offered = self.offered(plugin)
        if plugin.error:
            raise LookupProblem(f"the plugin {plugin.namespace!r} ({plugin.distribution}) is broken: {plugin.error}")
        if name not in offered:
            near = {full for full in self.names() if full.rpartition(".")[2] in offered or "." in full}
            hint = did_you_mean(stated, near)
            raise LookupProblem(f"there is no component {stated!r}.{hint or ' `gan-recipe list` shows all.'}")
        found = _imported(plugin, name, offered[name])
        if found.kind not in kinds:
            article = "an" if found.kind[0] in "aeiou" else "a"
            raise LookupProblem(f"{stated!r} is {article} {found.kind}; expected: {' or '.join(kinds)}")
        return found

    def observe(self, namespace: str) -> None:
        """Import a plugin so that its hooks are told what happens. Raises LookupProblem."""
        plugin = self.plugins.get(namespace)
        if plugin is None:
            raise LookupProblem(f"no installed plugin is called {namespace!r}.{did_you_mean(namespace, self.plugins)}")
        self.offered(plugin)
        if plugin.error:
            raise LookupProblem(f"the plugin {namespace!r} ({plugin.distribution}) is broken: {plugin.error}")

    def offered(self, plugin: Plugin) -> Mapping[str, type[Component] | str]:
        """Import the plugin and ask it for its components; what goes wrong is kept in ``plugin.error``."""
        if plugin.components is None and plugin.error is None:
            try:
                plugin.components = self._ask(plugin)
            except Exception as error:  # a stranger's import may raise anything; it is named and harms no other
                plugin.error = f"{type(error).__name__}: {error}"
        return plugin.components or {}

    def _ask(self, plugin: Plugin) -> Mapping[str, type[Component] | str]:
        self.manager.register(plugin.entry_point.load(), plugin.namespace)
        try:
            self.manager.check_pending()
        except pluggy.PluginValidationError:
            self.manager.unregister(name=plugin.namespace)
            raise
        hooks = self.manager.hook.gan_recipe_components.get_hookimpls()
        mine = [hook for hook in hooks if hook.plugin_name == plugin.namespace]
        components: Any = mine[0].function() if mine else {}
        return dict(components)

    def names(self) -> dict[str, Plugin]:
        """Every component's full name and the plugin that offers it; imports all plugins, but no component."""
        found = {}
        for plugin in self.plugins.values():
            prefix = "" if plugin.namespace == BARE else f"{plugin.namespace}."
            for name in self.offered(plugin):
                found[prefix + name] = plugin
        return found

    def every(self) -> dict[str, type[Component]]:
        """Every component that can be imported, by full name; the broken are in their plugin's ``error``."""
        found = {}
        for name, plugin in self.names().items():
            try:
                found[name] = self.component(name, tuple(KINDS))
            except LookupProblem as problem:
                plugin.error = plugin.error or str(problem)
        return found


def _imported(plugin: Plugin, name: str, offer: type[Component] | str) -> type[Component]:
    """Import ``"module:Class"``, and see that it is what the interfaces ask for."""
    if isinstance(offer, str):
        module, _, attribute = offer.partition(":")
        try:
            offer = getattr(importlib.import_module(module), attribute)
        except Exception as error:  # as above: a stranger's import may raise anything
            raise LookupProblem(
                f"the plugin {plugin.namespace!r} ({plugin.distribution}) cannot import {name!r} from {offer!r}: "
                f"{type(error).__name__}: {error}"
            ) from error
    if not (isinstance(offer, type) and issubclass(offer, Component) and hasattr(offer, "__attrs_attrs__")):
        raise LookupProblem(f"{name!r} of the plugin {plugin.namespace!r} is no component: {offer!r}")
    return offer
