"""The components that installed plugins offer, found through entry points and imported when a recipe names them."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from typing import Any

import pluggy
from attrs import define, field

from gan_recipe.entry_points import EntryPoint, entry_points
from gan_recipe.errors import did_you_mean
from gan_recipe.hooks import PROJECT, Hooks
from gan_recipe.interfaces import KINDS, Component, Loss, Metric

#: Components of this namespace are named bare. It is the built-ins' entry point, found like any other.
BARE = PROJECT

# A stranger's import may raise anything; only what a person presses is theirs.
_ANYTHING = (Exception, SystemExit)


class LookupProblem(LookupError):
    """A component cannot be had; the message says why and what to do."""


@define
class Plugin:
    """One entry point of the group ``gan_recipe``."""

    namespace: str
    entry_point: EntryPoint
    #: Two distributions that claim one namespace are both named here, and neither is used.
    distributions: list[str]
    error: str | None = None
    components: Mapping[str, type[Component] | str] | None = None
    #: Components that cannot be had, and why; the plugin's others can.
    broken: dict[str, str] = field(factory=dict)

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
        return cls.of(entry_points(PROJECT))

    @classmethod
    def of(cls, found: Iterable[EntryPoint]) -> Registry:
        """The plugins of these entry points."""
        registry = cls()
        registry.manager.add_hookspecs(Hooks)
        for entry_point in found:
            known = registry.plugins.get(entry_point.name)
            if known is None:
                plugin = Plugin(entry_point.name, entry_point, [entry_point.distribution])
                registry.plugins[entry_point.name] = plugin
            elif entry_point.distribution not in known.distributions:
                known.distributions.append(entry_point.distribution)
                known.error = (
                    f"{' and '.join(known.distributions)} both claim the namespace {entry_point.name!r}; "
                    "uninstall one of them"
                )
        return registry

    def component(self, stated: str, kind: str | tuple[str, ...]) -> type[Component]:
        """The component that a recipe calls ``stated`` (``name`` or ``namespace.name``). Raises LookupProblem."""
        kinds = (kind,) if isinstance(kind, str) else kind
        namespace, _, name = stated.rpartition(".")
        plugin = self._plugin(namespace or BARE)
        offered = self.offered(plugin)
        if plugin.error:
            raise LookupProblem(_broken(plugin))
        if name not in offered:
            hint = did_you_mean(stated, self.names())
            raise LookupProblem(f"there is no component {stated!r}.{hint or ' `gan-recipe list` shows all.'}")
        if name in plugin.broken:
            raise LookupProblem(plugin.broken[name])
        try:
            found = _imported(plugin, name, offered[name])
        except LookupProblem as problem:
            plugin.broken[name] = str(problem)
            raise
        if found.kind not in kinds:
            article = "an" if found.kind[0] in "aeiou" else "a"
            raise LookupProblem(f"{stated!r} is {article} {found.kind}; expected: {' or '.join(kinds)}")
        return found

    def observe(self, namespace: str) -> None:
        """Import a plugin so that its hooks are told what happens. Raises LookupProblem."""
        plugin = self._plugin(namespace)
        self.offered(plugin)
        if plugin.error:
            raise LookupProblem(_broken(plugin))

    def offered(self, plugin: Plugin) -> Mapping[str, type[Component] | str]:
        """Import the plugin and ask it for its components; what goes wrong is kept in ``plugin.error``."""
        if plugin.components is None and plugin.error is None:
            try:
                plugin.components = self._ask(plugin)
            except _ANYTHING as error:
                if self.manager.has_plugin(plugin.namespace):
                    self.manager.unregister(name=plugin.namespace)
                plugin.error = f"{type(error).__name__}: {error}"
        return plugin.components or {}

    def names(self) -> dict[str, Plugin]:
        """Every component's full name and the plugin that offers it; imports all plugins, but no component."""
        found = {}
        for plugin in self.plugins.values():
            prefix = "" if plugin.namespace == BARE else f"{plugin.namespace}."
            for name in self.offered(plugin):
                found[prefix + name] = plugin
        return found

    def every(self) -> dict[str, type[Component]]:
        """Every component that can be imported, by full name; of the others their plugins tell in ``broken``."""
        found = {}
        for name in self.names():
            try:
                found[name] = self.component(name, tuple(KINDS))
            except LookupProblem:
                continue
        return found

    def _plugin(self, namespace: str) -> Plugin:
        if namespace not in self.plugins:
            raise LookupProblem(f"no installed plugin is called {namespace!r}.{did_you_mean(namespace, self.plugins)}")
        return self.plugins[namespace]

    def _ask(self, plugin: Plugin) -> Mapping[str, type[Component] | str]:
        self.manager.register(plugin.entry_point.load(), plugin.namespace)
        specified = [name for name in vars(Hooks) if name.startswith(f"{PROJECT}_")]
        hooks = self.manager.get_hookcallers(self.manager.get_plugin(plugin.namespace)) or []
        for hook in hooks:
            if hook.name not in specified:
                raise TypeError(f"there is no hook {hook.name!r}.{did_you_mean(hook.name, specified)}")
        asked = self.manager.hook.gan_recipe_components.get_hookimpls()
        mine = [hook for hook in asked if hook.plugin_name == plugin.namespace]
        components: Any = mine[0].function() if mine else {}
        if not isinstance(components, Mapping) or not all(
            isinstance(name, str) and name.isidentifier() for name in components
        ):
            raise TypeError("gan_recipe_components gives a dict from names (letters, digits and '_') to components")
        return dict(components)


def _broken(plugin: Plugin) -> str:
    return f"the plugin {plugin.namespace!r} ({plugin.distribution}) is broken: {plugin.error}"


def _imported(plugin: Plugin, name: str, offer: type[Component] | str) -> type[Component]:
    """Import ``"module:Class"``, and see that it is what the interfaces ask for."""
    if isinstance(offer, str):
        module, _, attribute = offer.partition(":")
        try:
            offer = getattr(importlib.import_module(module), attribute)
        except _ANYTHING as error:
            raise LookupProblem(
                f"the plugin {plugin.namespace!r} ({plugin.distribution}) cannot import {name!r} from {offer!r}: "
                f"{type(error).__name__}: {error}"
            ) from error
    if not (isinstance(offer, type) and issubclass(offer, Component)):
        fault = "it is no component"
    elif "__attrs_attrs__" not in vars(offer):
        fault = "it is no frozen attrs class"
    elif getattr(offer, "kind", None) not in KINDS:
        fault = f"it is none of {', '.join(KINDS)}"
    elif issubclass(offer, (Loss, Metric)) and "__call__" not in {at for base in offer.__mro__ for at in vars(base)}:
        fault = "it has no __call__"
    else:
        return offer
    raise LookupProblem(f"{name!r} of the plugin {plugin.namespace!r} cannot be used: {fault}: {offer!r}")
