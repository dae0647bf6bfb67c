"""Turning what plugins raise into the errors of this library, with the cause chained."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from sinetstream_sdk import errors
from sinetstream_sdk.errors import SinetError

__all__ = ["as_ours"]


def as_ours(
    error: BaseException,
    what: str,
    params: Mapping[str, Any],
    otherwise: type[SinetError] = SinetError,
) -> SinetError:
    """``error`` itself where it is one of ours, else an error of ours with ``error`` as its cause.

    :param what: who failed at what, to begin the message with
    :param params: the parameters whose secrets must not stand in the message
    :param otherwise: the class for what is no error of the published package either
    """
    if isinstance(error, SinetError):
        return error
    from sinetstream_sdk.describe import Redactor

    said = " ".join(str(error).split())
    text = Redactor(params).scrub(f"{type(error).__name__}: {said}" if said else repr(error))
    ours = (_same_name(error) or otherwise)(f"{what}: {text}")
    ours.__cause__ = error
    return ours


def _same_name(error: BaseException) -> type[SinetError] | None:
    """Our class under the name of the published one that ``error`` is of."""
    published = sys.modules.get("sinetstream.error")
    for cls in type(error).__mro__:
        if cls.__module__ == "sinetstream.error" and hasattr(published, cls.__name__):
            ours = getattr(errors, cls.__name__, None)
            if isinstance(ours, type) and issubclass(ours, SinetError):
                return ours
    return None
