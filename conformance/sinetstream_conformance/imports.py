"""Which distributions a plugin's modules import, beside those that its metadata declares."""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterable, Iterator
from importlib.machinery import ModuleSpec
from importlib.metadata import Distribution, distributions, packages_distributions
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def undeclared_imports(
    distribution: Distribution, modules: Iterable[str]
) -> dict[str, tuple[str, ...]]:
    """Imported top-level modules that no declared requirement provides, with who provides them.

    The modules are followed through their own package. Imports under ``TYPE_CHECKING``, in a
    ``try`` with an ``except ImportError`` or with that error suppressed are optional and do not
    count.
    """
    own = {name.partition(".")[0] for name in modules}
    declared = {canonicalize_name(Requirement(line).name) for line in distribution.requires or ()}
    declared.add(canonicalize_name(distribution.metadata["Name"]))
    providers = packages_distributions()
    missing: dict[str, tuple[str, ...]] = {}
    for name in sorted(_imported(modules, own)):
        if name in sys.stdlib_module_names or name in own:
            continue
        names = tuple(sorted(set(providers.get(name, ()) or _editable_providers(name))))
        if not any(canonicalize_name(provider) in declared for provider in names):
            missing[name] = names or ("no installed distribution",)
    return missing


def _editable_providers(module: str) -> list[str]:
    """Distributions installed in editable form whose project folder holds ``module``."""
    spec = find_spec(module)
    origin = Path(spec.origin) if spec is not None and spec.origin else None
    found = []
    for dist in distributions() if origin is not None else ():
        text = dist.read_text("direct_url.json")
        url = json.loads(text).get("url", "") if text else ""
        if url.startswith("file:") and origin is not None:
            folder = Path(url2pathname(urlsplit(url).path))
            if origin.is_relative_to(folder):
                found.append((len(folder.parts), dist.metadata["Name"]))
    # Of nested projects the innermost is meant.
    return [name for depth, name in found if depth == max(found)[0]]


def _imported(modules: Iterable[str], own: set[str]) -> set[str]:
    """The top-level names that modules import, and those of their own packages that they import."""
    names: set[str] = set()
    waiting = set(modules)
    seen: set[str] = set()
    while waiting:
        module = waiting.pop()
        seen.add(module)
        for name in _imports_of(module):
            top = name.partition(".")[0]
            names.update([top] if top else [])
            if top in own:
                waiting |= {name} - seen
    return names


def _imports_of(module: str) -> Iterator[str]:
    """The full names that one module imports; a member of a module may be among them."""
    spec = _spec(module)
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return
    package = module if spec.submodule_search_locations else module.rpartition(".")[0]
    for node in _unconditional(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*(above if node.level else ()), *filter(None, [node.module])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _spec(module: str) -> ModuleSpec | None:
    try:
        return find_spec(module)
    except (ImportError, ValueError):  # a member of a module, or what is not installed
        return None


def _unconditional(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes that are always reached; imports that may fail or are for types are left out."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        if isinstance(node, ast.Try) and any("ImportError" in _caught(h) for h in node.handlers):
            continue
        if isinstance(node, ast.With) and any("ImportError" in _named(i) for i in node.items):
            continue
        yield node
        yield from _unconditional(node)


def _caught(handler: ast.ExceptHandler) -> str:
    return _named(handler.type) if handler.type else ""


def _named(node: ast.AST) -> str:
    return ast.dump(node).replace("ModuleNotFoundError", "ImportError")
