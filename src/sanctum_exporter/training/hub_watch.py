"""The hub of a live esper-lite process: what it dropped, and when it comes to life."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import wraps
from importlib.util import find_spec
from types import ModuleType
from typing import Any, Final

from sanctum_exporter import forks, logs

HUB_MODULE: Final = "esper.nissa.output"
HUB_CLASS: Final = "NissaHub"


class HubWatch(importlib.abc.MetaPathFinder):
    """Calls back once, in this process, when esper-lite makes its first hub.

    Nothing of esper-lite is imported for it: it waits for the program to import the hub's module.

    Args:
        on_hub: called with the hub, at the end of its construction.
    """

    def __init__(self, on_hub: Callable[[Any], None]) -> None:
        self._on_hub = on_hub
        self._forks = forks.count
        self._restore: Callable[[], None] = lambda: None
        self.found = False
        """Whether a hub was made."""

    def install(self) -> None:
        """Begin to watch."""
        module = sys.modules.get(HUB_MODULE)
        if module is None:
            sys.meta_path.insert(0, self)
        else:
            self._watch(module)

    def remove(self) -> None:
        """Leave things as they were before ``install``."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        self._restore()

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        """Find the hub's module as it would be found without us; it is watched once it ran."""
        if fullname != HUB_MODULE:
            return None
        sys.meta_path.remove(self)
        try:
            spec = find_spec(fullname)
        finally:
            sys.meta_path.insert(0, self)
        if spec is not None and spec.loader is not None:
            spec.loader = _WatchedLoader(spec.loader, self._watch)
        return spec

    def _watch(self, module: ModuleType) -> None:
        hub_class = getattr(module, HUB_CLASS, None)
        if not isinstance(hub_class, type) or "__init__" not in vars(hub_class):
            logs.warning(
                "%s has no %s: this version of esper-lite is not one that sanctum-exporter knows, "
                "and nothing will be exported; upgrade sanctum-exporter",
                HUB_MODULE,
                HUB_CLASS,
            )
            return
        construct: Any = vars(hub_class)["__init__"]

        @wraps(construct)
        def announce(hub: object, *args: Any, **kwargs: Any) -> None:
            construct(hub, *args, **kwargs)
            self._announce(hub)

        def restore() -> None:
            if vars(hub_class).get("__init__") is announce:
                hub_class.__init__ = construct  # type: ignore[misc]  # as it was found
            self._restore = lambda: None

        hub_class.__init__ = announce  # type: ignore[misc]  # there is no other way to be told
        self._restore = restore

    def _announce(self, hub: object) -> None:
        if self.found or forks.count != self._forks:
            return
        self.found = True
        self._restore()
        try:
            self._on_hub(hub)
        except Exception:  # noqa: BLE001 - it would be thrown into the making of the hub
            logs.error(
                "the hub does not take the exporter; nothing will be exported", exc_info=True
            )


class _WatchedLoader(importlib.abc.Loader):
    """Loads a module as its own loader does, then calls back."""

    def __init__(self, loader: Any, loaded: Callable[[ModuleType], None]) -> None:
        self._loader = loader
        self._loaded = loaded

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        with suppress(Exception):
            self._loaded(module)
