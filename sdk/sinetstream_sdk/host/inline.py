"""Values given inline under ``*_data`` names, which plugins want as files.

``ca_certs_data: ...`` becomes ``ca_certs: <file>``. The files are readable by their owner only,
stand in a folder of their own, and go when the reader or writer is closed, or at the latest when
the process ends.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from sinetstream_sdk.errors import InvalidArgumentError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["InlineFiles"]

SUFFIX = "_data"


class InlineFiles:
    """The files that one reader or writer has had made."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._remover: Any = None
        self._count = 0

    def materialise(self, params: dict[str, Any]) -> None:
        """Write each inline value in ``params`` to a file and put the file's name in its place.

        :raises InvalidArgumentError: an inline value is neither str nor bytes
        """
        try:
            self._convert(params)
        except BaseException:
            self.remove()
            raise

    def remove(self) -> None:
        """Remove the files; without any there is nothing to do."""
        if self._remover is not None:
            self._remover()
        self._folder = self._remover = None

    def _convert(self, value: Any) -> None:
        if isinstance(value, dict):
            for name in [key for key in value if _is_inline(key, value[key])]:
                file = self._write(name, value.pop(name))
                value[name.removesuffix(SUFFIX)] = str(file)
            for item in value.values():
                self._convert(item)
        elif isinstance(value, list):
            for item in value:
                self._convert(item)

    def _make_folder(self) -> Path:
        # Imported here since few services have inline values.
        import shutil
        import tempfile
        import weakref
        from pathlib import Path

        folder = Path(tempfile.mkdtemp(prefix="sinetstream-"))
        self._remover = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return folder

    def _write(self, name: str, content: object) -> Path:
        if isinstance(content, str):
            content = content.encode(errors="surrogateescape")
        if not isinstance(content, bytes):
            raise InvalidArgumentError(
                f"{name} must be the content of a file, as str or bytes; a "
                f"{type(content).__name__} was given",
                parameter=name,
            )
        if self._folder is None:
            self._folder = self._make_folder()
        self._count += 1
        path = self._folder / f"{self._count}.tmp"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        return path


def _is_inline(name: object, value: object) -> bool:
    return (
        isinstance(name, str)
        and name.endswith(SUFFIX)
        and name != SUFFIX
        and not isinstance(value, dict | list)
        and value is not None
    )
