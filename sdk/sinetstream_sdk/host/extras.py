"""Optional libraries: they are imported when first needed, and their absence says what to do."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from sinetstream_sdk.errors import InvalidArgumentError


def require(module: str, extra: str, what: str) -> Any:
    """Import ``module``, which the extra ``extra`` of this distribution brings.

    :param what: what the user asked for, in the words of the configuration
    :raises InvalidArgumentError: the library is not installed
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise InvalidArgumentError(
            f"{what} needs the library {module.partition('.')[0]!r}, which is not installed: "
            f"pip install 'sinetstream-plugin-sdk[{extra}]'"
        ) from error
