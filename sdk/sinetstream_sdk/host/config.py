"""The configuration file: where it is, what it says, and what is wrong with it.

Version 1 has the services at the top. Versions 2 and 3 have a ``header`` with the version, and the
services under ``config``. YAML is loaded safely: plain values only, with ``!!binary`` for bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from sinetstream_sdk.configversion import ConfigVersion
from sinetstream_sdk.describe import suggest
from sinetstream_sdk.errors import InvalidConfigError, NoConfigError, NoServiceError
from sinetstream_sdk.host.tree import MAX_DEPTH, TooLargeError, plain_copy

__all__ = ["DEFAULT_FILES", "Encrypted", "Service", "load_service", "parse"]

DEFAULT_FILES = (".sinetstream_config.yml", "~/.config/sinetstream/config.yml")
"""Where the configuration is looked for, in this order."""

ENCRYPTED_TAG = "!sinetstream/encrypted"
MAX_BYTES = 16 * 1024 * 1024
_MERGED_MAX = 10_000


class Encrypted:
    """A value that only the published host can decrypt."""

    def __repr__(self) -> str:
        return f"<{ENCRYPTED_TAG}>"


class Service:
    """What the configuration says of one service. Its repr tells no value."""

    def __init__(self, name: str, confver: ConfigVersion, params: dict[str, Any]) -> None:
        self.name = name
        self.confver = confver
        self.params = params


def load_service(service: str | None = None, config_file: str | None = None) -> Service:
    """Read the configuration file and pick a service.

    :param service: its name; None will do where the file has one service only
    :param config_file: the file; by default :data:`DEFAULT_FILES` are tried
    :raises NoConfigError: there is no file, it is empty, or ``service`` is needed
    :raises NoServiceError: the file has no such service
    :raises InvalidConfigError: the file cannot be understood
    """
    text, source = _read(config_file)
    confver, services = parse(text, source)
    name = _choose(service, services, source)
    params = services[name]
    if params is None:
        raise NoServiceError(f"{source}: the service {name!r} has no parameters")
    if not isinstance(params, Mapping):
        raise InvalidConfigError(
            f"{source}: the service {name!r} must be a mapping of parameters; it is a "
            f"{type(params).__name__}"
        )
    for key in params:
        if not isinstance(key, str):
            raise InvalidConfigError(
                f"{source}: the service {name!r} has a parameter whose name is no string but a "
                f"{type(key).__name__}; put it into quotes"
            )
    try:
        copy = plain_copy(params)
    except TooLargeError as error:
        raise InvalidConfigError(f"{source}: the service {name!r} {error}") from None
    _refuse_encrypted(copy, name, source)
    return Service(name, confver, copy)


def parse(text: bytes, source: str) -> tuple[ConfigVersion, Mapping[str, Any]]:
    """The version of a configuration, and its services as they stand.

    :param source: the name of the file, for errors
    :raises NoConfigError: the text holds nothing
    :raises InvalidConfigError: the text cannot be understood
    """
    content = _load_yaml(text, source)
    if content is None:
        raise NoConfigError(f"{source}: the configuration file is empty")
    if not isinstance(content, Mapping):
        raise InvalidConfigError(
            f"{source}: a configuration file is a mapping of services; this is a "
            f"{type(content).__name__}"
        )
    version, services = 1, content
    if "header" in content:
        version = _version(content["header"], source)
        if "config" not in content:
            raise InvalidConfigError(
                f"{source}: there is a header, but no 'config' with the services beside it"
            )
        services = content["config"]
        if not isinstance(services, Mapping):
            raise InvalidConfigError(
                f"{source}: 'config' must be a mapping of services; it is a "
                f"{type(services).__name__}"
            )
    if not services:
        raise InvalidConfigError(f"{source}: no service is defined")
    return ConfigVersion(version), services


def _version(header: object, source: str) -> int:
    if not isinstance(header, Mapping):
        raise InvalidConfigError(
            f"{source}: 'header' must be a mapping with 'version'; it is a {type(header).__name__}"
        )
    version = header.get("version", 3)
    if version not in (2, 3) or not isinstance(version, int):
        raise InvalidConfigError(
            f"{source}: header.version must be 2 or 3 (version 1 has no header); "
            f"{type(version).__name__} {version!r:.20} is given"
        )
    return version


def _choose(service: str | None, services: Mapping[str, Any], source: str) -> str:
    names = [name for name in services if isinstance(name, str)]
    if service is None:
        if len(services) > 1:
            raise NoConfigError(
                f"{source} has several services ({', '.join(names)}); say which with service="
            )
        service = next(iter(services))
        if not isinstance(service, str):
            raise InvalidConfigError(
                f"{source}: the name of a service must be a string; it is a "
                f"{type(service).__name__}"
            )
    if service not in services:
        raise NoServiceError(
            f"{source} has no service {service!r}; it has {', '.join(names)}"
            f"{suggest(service, names)}"
        )
    return service


def _read(config_file: str | None) -> tuple[bytes, str]:
    for name in DEFAULT_FILES if config_file is None else (config_file,):
        try:
            with Path(name).expanduser().open("rb") as file:
                text = file.read(MAX_BYTES + 1)
        except FileNotFoundError:
            continue
        except (OSError, RuntimeError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise NoConfigError(
                f"the configuration file {name} cannot be read: {reason}"
            ) from error
        if len(text) > MAX_BYTES:
            raise InvalidConfigError(
                f"{name}: a configuration file of more than {MAX_BYTES} bytes is not read"
            )
        return text, name
    if config_file is not None:
        raise NoConfigError(f"there is no configuration file {config_file}")
    raise NoConfigError(
        f"there is no configuration file: neither {' nor '.join(DEFAULT_FILES)} exists. Write one, "
        "name one with config_file=, or give everything as keywords with no_config=True"
    )


def _refuse_encrypted(value: object, name: str, source: str, path: str = "") -> None:
    if isinstance(value, Encrypted):
        raise InvalidConfigError(
            f"{source}: the service {name!r} has an encrypted value at {path!r} "
            f"({ENCRYPTED_TAG}), which this host cannot decrypt; give it in plain, or as a file"
        )
    if isinstance(value, dict):
        for key, item in value.items():
            _refuse_encrypted(item, name, source, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _refuse_encrypted(item, name, source, f"{path}[{index}]")


def _load_yaml(text: bytes, source: str) -> Any:
    import yaml

    try:
        return yaml.load(text, Loader=_loader())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        what = _without_quotes(error.problem or error.context or "it cannot be parsed")
    except yaml.reader.ReaderError as error:
        where = f" at character {error.position + 1}"
        what = "it holds a character that YAML does not allow, or is not in UTF-8"
    except (yaml.YAMLError, RecursionError):
        where, what = "", "it is nested too deeply, or cannot be parsed"
    # Without their cause: YAML's errors quote the line, and a password may stand in it.
    raise InvalidConfigError(f"{source}: bad YAML{where}: {what}")


def _without_quotes(problem: str) -> str:
    """The problem without the names that it quotes: ``password: *secret`` is an alias to YAML."""
    parts = problem.split("'")
    kept = [part if index % 2 == 0 or len(part) < 2 else "..." for index, part in enumerate(parts)]
    return "'".join(kept)


@cache
def _loader() -> Any:
    """The loader's class; made when the first file is read, since importing YAML takes time."""
    from yaml import SafeLoader, YAMLError
    from yaml.constructor import ConstructorError

    class Loader(SafeLoader):
        """Safe loading in which every error is one of YAML's; depth and merging are bounded."""

        depth = 0

        def compose_node(self, parent: Any, index: Any) -> Any:
            self.depth += 1
            if self.depth > MAX_DEPTH:
                mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
                raise ConstructorError(None, None, "it is nested too deeply", mark)
            try:
                return super().compose_node(parent, index)
            finally:
                self.depth -= 1

        def construct_object(self, node: Any, deep: bool = False) -> Any:
            try:
                return super().construct_object(node, deep)
            except (YAMLError, RecursionError):
                raise
            except Exception:  # noqa: BLE001 - as do the values of a file
                # A number of too many digits, a 31st of February, "!!bool maybe", ...
                kind = node.tag.rpartition(":")[2]
                problem = f"a value that looks like {kind} but is none; put it into quotes"
                raise ConstructorError(None, None, problem, node.start_mark) from None

        def flatten_mapping(self, node: Any) -> None:
            super().flatten_mapping(node)
            if len(node.value) > _MERGED_MAX:
                raise ConstructorError(None, None, "merging yields too much", node.start_mark)

    Loader.add_constructor(ENCRYPTED_TAG, lambda loader, node: Encrypted())
    return Loader
