"""The components that installed plugins offer, found through entry points and imported when a recipe names them."""

from __future__ import annotations

import importlib
import os
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import pluggy
from attrs import define, field

from gan_recipe.api import API_VERSION
from gan_recipe.components.entry_points import EntryPoint, entry_points
from gan_recipe.errors import UserError, did_you_mean
from gan_recipe.hooks import PROJECT, Hooks
from gan_recipe.interfaces import KINDS, Component, Loss, Metric

#: Components of this namespace are named bare. It is the built-ins' entry point, found like any other.
BARE = PROJECT

#: The environment variable that names the only plugins that may load; ``--only-plugins`` sets it for one command.
ONLY = "GAN_RECIPE_ONLY_PLUGINS"

_OURS = "gan-recipe"

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
    #: Whether it is not among the only ones that may load.
    kept_out: bool = False
    components: Mapping[str, type[Component] | str] | None = None
    #: Components that cannot be had, and why; the plugin's others can.
    broken: dict[str, str] = field(factory=dict)

    @property
    def distribution(self) -> str:
        """``name version`` of the package that installed the plugin."""
        return " and ".join(self.distributions)

    @property
    def is_ours(self) -> bool:
        """Whether it came with gan-recipe itself."""
        return all(distribution.partition(" ")[0] == _OURS for distribution in self.distributions)


@define
class Registry:
    """Installed plugins by namespace. A plugin is imported on first use; a broken one harms no other."""

    plugins: dict[str, Plugin] = field(factory=dict)
    manager: pluggy.PluginManager = field(factory=lambda: pluggy.PluginManager(PROJECT))

    @classmethod
    def installed(cls) -> Registry:
        """Every plugin of this environment; none is imported yet.

        Where ``$GAN_RECIPE_ONLY_PLUGINS`` is set, of the plugins that did not come with gan-recipe only those that it
        names may load. Raises UserError when it names one that is not installed.
        """
        registry = cls.of(entry_points(PROJECT))
        stated = os.environ.get(ONLY)
        if stated is not None:
            registry.keep_out_all_but([name.strip() for name in stated.split(",") if name.strip()])
        return registry

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

    def keep_out_all_but(self, namespaces: Collection[str]) -> None:
        """Let no plugin load but these and our own. Raises UserError for a namespace that no plugin has."""
        for name in namespaces:
            if name not in self.plugins:
                hint = did_you_mean(name, self.plugins)
                raise UserError(f"--only-plugins (or ${ONLY}) names {name!r}; no installed plugin is called so.{hint}")
        for plugin in self.plugins.values():
            plugin.kept_out = plugin.namespace not in namespaces and not plugin.is_ours

    def component(self, stated: str, kind: str | tuple[str, ...]) -> type[Component]:
        """The component that a recipe calls ``stated`` (``name`` or ``namespace.name``). Raises LookupProblem."""
        kinds = (kind,) if isinstance(kind, str) else kind
        plugin, name, offer = self.find(stated)
        try:
            found = _imported(plugin, name, offer)
        except LookupProblem as problem:
            plugin.broken[name] = str(problem)
            raise
        if found.kind not in kinds:
            article = "an" if found.kind[0] in "aeiou" else "a"
            raise LookupProblem(f"{stated!r} is {article} {found.kind}; expected: {' or '.join(kinds)}")
        return found

    def find(self, stated: str) -> tuple[Plugin, str, type[Component] | str]:
        """The plugin of a component, its name there and what is offered, not imported yet. Raises LookupProblem."""
        namespace, _, name = stated.rpartition(".")
        plugin = self._plugin(namespace or BARE)
        offered = self.offered(plugin)
        if plugin.error or plugin.kept_out:
            raise LookupProblem(_why_not(plugin))
        if name not in offered:
            hint = did_you_mean(stated, self.names())
            raise LookupProblem(f"there is no component {stated!r}.{hint or ' `gan-recipe list` shows all.'}")
        if name in plugin.broken:
            raise LookupProblem(plugin.broken[name])
        return plugin, name, offered[name]

    def observe(self, namespace: str) -> None:
        """Import a plugin so that its hooks are told what happens. Raises LookupProblem."""
        plugin = self._plugin(namespace)
        self.offered(plugin)
        if plugin.error or plugin.kept_out:
            raise LookupProblem(_why_not(plugin))

    def offered(self, plugin: Plugin) -> Mapping[str, type[Component] | str]:
        """Import the plugin and ask it for its components; what goes wrong is kept in ``plugin.error``."""
        if plugin.components is None and plugin.error is None and not plugin.kept_out:
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
        loaded = _loaded(plugin)
        self.manager.register(loaded, plugin.namespace)
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


def _loaded(plugin: Plugin) -> Any:
    """What the entry point names, once it is seen to be written for this API."""
    try:
        loaded = plugin.entry_point.load()
    except ImportError as error:
        if (error.name or "").partition(".")[0] == PROJECT:
            raise ImportError(
                f"{error}; it seems to be written for another version of gan-recipe (the API here is {API_VERSION})"
            ) from error
        raise
    wanted = getattr(loaded, "GAN_RECIPE_API", API_VERSION)
    if wanted != API_VERSION:
        newer = isinstance(wanted, int) and wanted > API_VERSION
        cure = "install a newer gan-recipe" if newer else f"install a newer {plugin.distribution.partition(' ')[0]}"
        raise ImportError(f"it is written for API {wanted} of gan-recipe, and the one here is {API_VERSION}; {cure}")
    return loaded


def _why_not(plugin: Plugin) -> str:
    named = f"the plugin {plugin.namespace!r} ({plugin.distribution})"
    if plugin.kept_out:
        return f"{named} is kept out: --only-plugins (or ${ONLY}) does not name it"
    return f"{named} is broken: {plugin.error}"


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
