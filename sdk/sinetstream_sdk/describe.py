"""What error messages and reports say of values, without ever showing a secret.

A value is a secret when the name of its parameter says so: a password, a token, a key, a
credential, the published host's inline ``*_data``. Everything nested under such a name is secret
too. A password inside an address (``mqtt://user:password@host``) and a private key in PEM form are
hidden under any name. Objects that are not plain values are shown by their type alone, since
nobody knows what their ``repr`` tells.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from itertools import islice
from typing import Any

__all__ = ["HIDDEN", "Redactor", "describe", "is_secret", "redact", "suggest"]

HIDDEN = "<hidden>"
"""What stands in place of a secret."""

_SECRET_ROOTS = re.compile(
    "access_?key|api_?key|authorization|cookie|credential|pass(code|phrase|wd|word)|private_?key|"
    "secret|shared_?key",
    re.IGNORECASE,
)
_SECRET_WORDS = re.compile("bearer|jwt|pass|psk|pwd?|tokens?")
# The last word tells what the value is: a token_url is a URL, a key_length is a number.
_HARMLESS_LAST = re.compile(
    "callback|endpoint|expiry|file|length|path|policy|provider|required|size|timeout|ttl|type|"
    "ur[il]"
)
_HARMLESS_AFTER_KEY = re.compile(
    "alg|algorithm|bits|derivation|(de)?serializer|format|id|name|prefix|usage"
)
_HARMLESS_BEFORE_KEY = re.compile("binding|partition|public|routing")
# One string, or a mapping whose own names tell what is what.
_SECRET_UNLESS_MAPPING = frozenset(["auth", "username_pw", "username_pw_set"])

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_ADDRESS_COLON = re.compile(r":(?!//)")
_PRIVATE_KEY = "PRIVATE KEY-----"

_TOTAL_LIMIT = 240
_TEXT_LIMIT = 60
_ITEM_LIMIT = 6
_SHOW_DEPTH = 3
_COPY_DEPTH = 30
_INT_LIMIT = 10**30
_SCRUB_LENGTH = 4
_SCRUB_LINE_LENGTH = 16

_CONTAINERS = (Mapping, list, tuple, set, frozenset)

_Path = tuple[str, ...]


def is_secret(name: str) -> bool:
    """Whether a value under this name, or dotted path of names, must not be shown."""
    return _hidden(_split(name), None)


def describe(name: str, value: object) -> str:
    """The type of ``value`` and a short form of it, such as ``int 70000``.

    :param name: the name of the parameter, or its dotted path; it decides what is hidden
    """
    if value is None:
        return "None"
    kind = type(value).__name__
    shown = _show(_split(name), value, 0)
    if isinstance(value, Enum) and shown != HIDDEN:
        return shown
    if len(shown) > _TOTAL_LIMIT:
        shown = shown[:_TOTAL_LIMIT] + "..."
    return kind if shown == f"<{kind}>" else f"{kind} {shown}"


def redact(params: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """A deep copy that is safe to show; objects that are not plain become the name of their type.

    Nothing is shortened. What is nested deeper than 30 levels, or contains itself, becomes
    ``"..."``.

    :param path: the dotted path under which ``params`` stands, which may say that all is secret
    """
    copied: dict[str, Any] = _copy_items(_split(path), params, ())
    return copied


def suggest(name: str, known: Iterable[object], cutoff: float = 0.6) -> str:
    """``"; did you mean 'x'?"`` where a known name is close to ``name``, else an empty str.

    :param cutoff: how close, from 0 to 1, as :func:`difflib.get_close_matches` counts it
    """
    from difflib import get_close_matches

    spelt = {item.lower(): item for item in known if isinstance(item, str) and item != name}
    close = get_close_matches(name.lower(), spelt, n=1, cutoff=cutoff)
    return f"; did you mean {spelt[close[0]]!r}?" if close else ""


class Redactor:
    """Replaces the secrets found in some parameters wherever they stand in a text.

    It knows the str, bytes and int values under secret names, and the passwords inside addresses.
    A secret of fewer than four characters is left alone: it would be found everywhere.
    """

    def __init__(self, *params: Mapping[str, Any]) -> None:
        forms: set[str] = set()
        for mapping in params:
            for secret in _secrets((), mapping, ()):
                forms.update(_forms(secret))
        longest_first = sorted(forms, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if forms else None

    def scrub(self, text: str) -> str:
        """``text`` with each secret replaced, also where it is quoted, escaped or encoded."""
        return text if self._pattern is None else self._pattern.sub(HIDDEN, text)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({HIDDEN})"


def _name(key: object) -> str:
    return key if isinstance(key, str) else ""


def _split(name: str) -> _Path:
    return tuple(part for part in re.split(r"[.\[\]]+", name) if part)


def _hidden(path: _Path, value: object) -> bool:
    if any(map(_says_secret, path)):
        return True
    return (
        bool(path) and path[-1].lower() in _SECRET_UNLESS_MAPPING and not isinstance(value, Mapping)
    )


def _says_secret(name: str) -> bool:
    if name.lower() in _SECRET_UNLESS_MAPPING:
        return False
    words = [word.lower() for word in _WORD.findall(name)]
    if not words:
        return False
    if words[-1] == "data" and len(words) > 1:
        return True
    if _HARMLESS_LAST.fullmatch(words[-1]):
        return False
    if _SECRET_ROOTS.search(name) or any(map(_SECRET_WORDS.fullmatch, words)):
        return True
    harmless = _HARMLESS_AFTER_KEY.fullmatch(words[-1]) or _HARMLESS_BEFORE_KEY.fullmatch(words[0])
    return not harmless and ("key" in words or "keys" in words)


def _children(path: _Path, value: Any) -> Iterator[tuple[object, _Path, object]]:
    """What a container holds, as (key, path, item); the key is None outside mappings."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield key, (*path, _name(key)), item
    else:
        for item in value:
            yield None, path, item


def _show(path: _Path, value: object, depth: int) -> str:
    if value is None or isinstance(value, bool):
        return str(value)
    if _hidden(path, value):
        return HIDDEN
    if isinstance(value, Enum):
        return f"{type(value).__name__}.{value.name}"
    if isinstance(value, int):
        # Python refuses to write out thousands of digits.
        return int.__repr__(value) if abs(value) < _INT_LIMIT else "<very large>"
    if isinstance(value, float):
        return float.__repr__(value)
    if isinstance(value, str | bytes):
        return _show_text(value)
    if not isinstance(value, _CONTAINERS):
        return f"<{type(value).__name__}>"
    if depth == _SHOW_DEPTH:
        return "..."
    children = islice(_children(path, value), _ITEM_LIMIT)
    items = [
        (f"{_show((), key, depth + 1)}: " if isinstance(value, Mapping) else "")
        + _show(inner, item, depth + 1)
        for key, inner, item in children
    ]
    if len(value) > _ITEM_LIMIT:
        items.append("...")
    left, right = "[]" if isinstance(value, list) else "()" if isinstance(value, tuple) else "{}"
    return left + ", ".join(items) + right


def _show_text(value: str | bytes) -> str:
    masked = _mask(value)
    if masked == HIDDEN:
        return HIDDEN
    return repr(masked[:_TEXT_LIMIT]) + ("..." if len(masked) > _TEXT_LIMIT else "")


def _mask(value: str | bytes) -> str | bytes:
    """``value`` without the password of an address, or a private key, that it may hold."""
    text = str.__str__(value) if isinstance(value, str) else value.decode("latin-1")
    if _PRIVATE_KEY in text:
        return HIDDEN
    span = _address_password(text)
    if span is None:
        return text if isinstance(value, str) else bytes(value)
    return text[: span[0]] + HIDDEN + text[span[1] :]


def _address_password(text: str) -> tuple[int, int] | None:
    """Where, at most, the password of ``user:password@host`` stands."""
    end = text.rfind("@")
    colon = _ADDRESS_COLON.search(text, 0, end) if end > 0 else None
    return None if colon is None else (colon.end(), end)


def _copy(path: _Path, value: object, above: tuple[int, ...]) -> Any:
    if value is None:
        return None
    if _hidden(path, value):
        return HIDDEN
    if isinstance(value, Enum):
        return f"{type(value).__name__}.{value.name}"
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, str | bytes):
        return _mask(value)
    if not isinstance(value, _CONTAINERS):
        return f"<{type(value).__name__}>"
    if id(value) in above or len(above) > _COPY_DEPTH:
        return "..."
    if isinstance(value, Mapping):
        return _copy_items(path, value, above)
    items = [_copy(inner, item, (*above, id(value))) for _, inner, item in _children(path, value)]
    return tuple(items) if isinstance(value, tuple) else items


def _copy_items(path: _Path, value: Mapping[Any, Any], above: tuple[int, ...]) -> dict[Any, Any]:
    return {
        _show((), key, 0) if isinstance(key, _CONTAINERS) else _copy((), key, ()): _copy(
            inner, item, (*above, id(value))
        )
        for key, inner, item in _children(path, value)
    }


def _secrets(path: _Path, value: object, above: tuple[int, ...]) -> Iterator[str | bytes]:
    """Every secret in ``value``: whole values under secret names, passwords inside addresses."""
    if isinstance(value, _CONTAINERS):
        if id(value) not in above and len(above) <= _COPY_DEPTH:
            for _, inner, item in _children(path, value):
                yield from _secrets(inner, item, (*above, id(value)))
    elif isinstance(value, str | bytes):
        if _hidden(path, value) or _mask(value) == HIDDEN:
            yield value
        elif isinstance(value, str):
            yield from _address_passwords(value)
    elif isinstance(value, int | float) and not isinstance(value, bool) and _hidden(path, value):
        yield _show((), value, 0)


def _address_passwords(text: str) -> Iterator[str]:
    for candidate in {text, *re.split(r"[\s,]+", text)}:
        span = _address_password(candidate)
        if span is not None:
            yield candidate[span[0] : span[1]]


def _forms(secret: str | bytes) -> Iterator[str]:
    """How a secret may be written in a text: as it is, quoted, escaped or encoded."""
    import json
    from base64 import b64encode
    from urllib.parse import quote, unquote

    if isinstance(secret, bytes):
        raw, text = secret, secret.decode(errors="replace")
    else:
        raw, text = secret.encode(errors="surrogatepass"), secret
    forms = [
        text,
        repr(text)[1:-1],
        repr("'\"" + text)[4:-1],  # as part of a longer text that has both kinds of quotes
        repr(raw)[2:-1],
        json.dumps(text)[1:-1],
        json.dumps(text, ensure_ascii=False)[1:-1],
        quote(raw),
        quote(raw, safe=""),
        unquote(text),
        b64encode(raw).decode(),
        raw.hex(),
    ]
    if len(raw) < _SCRUB_LENGTH:
        return
    yield from (form.strip() for form in forms if len(form.strip()) >= _SCRUB_LENGTH)
    for line in text.splitlines():
        if len(line) >= _SCRUB_LINE_LENGTH:
            yield line
