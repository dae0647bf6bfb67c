"""The version of the configuration format, which tells a plugin where its own parameters stand.

The published host passes such an object as the first argument of every plugin's constructor. In
version 3 the parameters that only one messaging system knows are nested under ``type_spec``; in
versions 1 and 2 they stand flat among the common ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class ConfVer(Protocol):
    """What a plugin may ask of the object that the host passes as ``confver``."""

    def ver(self) -> int:
        """The number of the configuration format: 1, 2 or 3."""

    def type_spec(self) -> bool:
        """Whether type-specific parameters are nested under ``type_spec``."""


@dataclass(frozen=True)
class ConfigVersion:
    """The version of a configuration, in the shape in which the published host passes it."""

    number: int = 3

    def ver(self) -> int:
        """The number of the configuration format: 1, 2 or 3."""
        return self.number

    def type_spec(self) -> bool:
        """Whether type-specific parameters are nested under ``type_spec``."""
        return self.number >= 3


def infer_version(params: Mapping[str, Any]) -> ConfigVersion:
    """The version for a caller that passed none, as the guide's ``__init__(self, params)`` does."""
    return ConfigVersion(3 if isinstance(params.get("type_spec"), Mapping) else 2)
