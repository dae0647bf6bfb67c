"""Which distributions a plugin's modules import, beside those that its metadata declares."""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterable, Iterator
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

    Imports under ``TYPE_CHECKING`` and in a ``try`` with an ``except ImportError`` are optional and
    do not count.
    """
    own = {name.partition(".")[0] for name in modules}
    declared = {canonicalize_name(Requirement(line).name) for line in distribution.requires or ()}
    declared.add(canonicalize_name(distribution.metadata["Name"]))
    providers = packages_distributions()
    missing: dict[str, tuple[str, ...]] = {}
    for name in sorted({name for module in modules for name in _imported(module)}):
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


def _imported(module: str) -> set[str]:
    """The top-level names that a module and its siblings in the same package import."""
    spec = find_spec(module)
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return set()
    names: set[str] = set()
    for node in _unconditional(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.partition(".")[0])
    return names


def _unconditional(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes that are always reached; imports that may fail or are for types are left out."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        if isinstance(node, ast.Try) and any("ImportError" in _caught(h) for h in node.handlers):
            continue
        yield node
        yield from _unconditional(node)


def _caught(handler: ast.ExceptHandler) -> str:
    return (
        ast.dump(handler.type).replace("ModuleNotFoundError", "ImportError") if handler.type else ""
    )
