"""The compressions gzip and zstd, and those of plugins.

What the configuration calls gzip is a zlib stream, as the published host writes it. Decompression
stops at a limit, so that a small message cannot fill the reader's memory.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any

from sinetstream_sdk.errors import InvalidArgumentError, InvalidMessageError
from sinetstream_sdk.host.extras import require
from sinetstream_sdk.host.lookup import named_class

__all__ = ["compressor", "decompressor"]

Transform = Callable[[bytes], bytes]

GROUP = "sinetstream.compression"
_UNKNOWN_SIZE = (1 << 64) - 1
_PIECE = 256  # unfolds to some 8 MB at the worst
_WINDOW_MIN, _WINDOW_MAX = 1 << 23, 1 << 27
_ZLIB_COMPRESS = ("level", "method", "wbits", "memLevel", "strategy", "zdict")
_ZLIB_DECOMPRESS = ("wbits", "zdict")
_ZSTD_COMPRESS = (
    "level",
    "dict_data",
    "compression_params",
    "write_checksum",
    "write_content_size",
    "write_dict_id",
    "threads",
)
_ZSTD_DECOMPRESS = ("dict_data", "max_window_size", "format")


def compressor(params: Mapping[str, Any]) -> Transform:
    """What compresses the payloads of a service.

    :raises InvalidArgumentError: an unknown algorithm, or parameters that it does not take
    """
    algorithm, level, given = _chosen(params)
    options = given
    if level is not None:
        options = {"level": level, **given}
    if algorithm == "gzip":
        return _zlib_compressor(_known(algorithm, options, _ZLIB_COMPRESS, _ZLIB_DECOMPRESS))
    if algorithm == "zstd":
        return _zstd_compressor(_known(algorithm, options, _ZSTD_COMPRESS, _ZSTD_DECOMPRESS))
    plugin = _plugin(algorithm, level, given)
    try:
        result: Transform = plugin.compressor
    except Exception as error:
        raise _refused(algorithm, error) from error
    return result


def decompressor(params: Mapping[str, Any], limit: int) -> Transform:
    """What restores the payloads of a service, each to ``limit`` bytes at most.

    It raises :class:`InvalidMessageError` for what is no whole compressed payload, or a larger one.

    :raises InvalidArgumentError: an unknown algorithm, or parameters that it does not take
    """
    algorithm, level, options = _chosen(params)
    if algorithm == "gzip":
        return _zlib_decompressor(
            _known(algorithm, options, _ZLIB_DECOMPRESS, _ZLIB_COMPRESS), limit
        )
    if algorithm == "zstd":
        return _zstd_decompressor(
            _known(algorithm, options, _ZSTD_DECOMPRESS, _ZSTD_COMPRESS), limit
        )
    plugin = _plugin(algorithm, level, options)
    try:
        bounded = getattr(plugin, "bounded_decompressor", None)
        unbounded = None if bounded else plugin.decompressor
    except Exception as error:
        raise _refused(algorithm, error) from error
    if bounded:
        return _measured(algorithm, lambda data: bounded(data, limit), limit)
    return _measured(algorithm, unbounded, limit)


def _chosen(params: Mapping[str, Any]) -> tuple[str, Any, dict[str, Any]]:
    compression = params.get("compression") or {}
    if not isinstance(compression, Mapping):
        raise _invalid("compression", "a mapping with the name 'algorithm'", compression)
    algorithm = compression.get("algorithm", "gzip")
    if not isinstance(algorithm, str):
        raise _invalid("compression.algorithm", "a name", algorithm)
    options = compression.get(algorithm) or {}
    if not isinstance(options, Mapping):
        raise _invalid(f"compression.{algorithm}", "a mapping of its own parameters", options)
    return algorithm, compression.get("level"), dict(options)


def _invalid(name: str, expected: str, came: object) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"{name} must be {expected}; {type(came).__name__} {came!r:.60} was given", parameter=name
    )


def _known(algorithm: str, options: dict[str, Any], mine: Any, other_side: Any) -> dict[str, Any]:
    """The options of this direction; those of the other may stand beside them in one file."""
    for name in options:
        if name not in mine and name not in other_side:
            known = ", ".join(sorted({*mine, *other_side}))
            raise InvalidArgumentError(
                f"compression.{algorithm} has no parameter {name!r}; known: {known}",
                parameter=f"compression.{algorithm}",
            )
    return {name: value for name, value in options.items() if name in mine}


def _refused(algorithm: str, error: Exception) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"compression: {algorithm} refuses its parameters (level and compression.{algorithm}): "
        f"{error}",
        parameter="compression",
    )


def _damaged(algorithm: str, why: object) -> InvalidMessageError:
    return InvalidMessageError(
        f"the payload is no {algorithm} data: {why}. Do writer and reader agree on "
        "data_compression and compression.algorithm?"
    )


def _too_large(algorithm: str, limit: int) -> InvalidMessageError:
    return InvalidMessageError(
        f"the {algorithm} payload is larger than {limit} bytes when decompressed; if such messages "
        "are expected, raise limits.uncompressed_bytes"
    )


def _zlib_compressor(options: dict[str, Any]) -> Transform:
    if not options:
        return zlib.compress
    try:
        zlib.compressobj(**options)
    except (TypeError, ValueError, OverflowError, zlib.error) as error:
        raise _refused("gzip", error) from error

    def compress(data: bytes) -> bytes:
        context = zlib.compressobj(**options)
        return context.compress(data) + context.flush()

    return compress


def _zlib_decompressor(options: dict[str, Any], limit: int) -> Transform:
    try:
        zlib.decompressobj(**options)
    except (TypeError, ValueError, OverflowError, zlib.error) as error:
        raise _refused("gzip", error) from error

    def decompress(data: bytes) -> bytes:
        context = zlib.decompressobj(**options)
        try:
            plain = context.decompress(data, limit)
            if not context.eof and len(plain) == limit:
                # Exactly at the limit the stream's last bytes may still be unread.
                plain += context.decompress(context.unconsumed_tail, 1)
        except zlib.error as error:
            raise _damaged("gzip", error) from None
        if len(plain) > limit:
            raise _too_large("gzip", limit)
        if not context.eof:
            raise _damaged("gzip", "it ends too early")
        if context.unused_data:
            raise _damaged("gzip", f"{len(context.unused_data)} bytes follow its end")
        return plain

    return decompress


def _zstd() -> Any:
    return require("zstandard", "zstd", "compression.algorithm: zstd")


def _zstd_compressor(options: dict[str, Any]) -> Transform:
    zstandard = _zstd()
    try:
        context = zstandard.ZstdCompressor(**options)
    except (TypeError, ValueError, OverflowError, zstandard.ZstdError) as error:
        raise _refused("zstd", error) from error
    lock = Lock()  # a context must not be used by two threads at once

    def compress(data: bytes) -> bytes:
        with lock:
            result: bytes = context.compress(data)
        return result

    return compress


def _zstd_decompressor(options: dict[str, Any], limit: int) -> Transform:
    zstandard = _zstd()
    window = 1 << min(limit, _WINDOW_MAX).bit_length()
    options.setdefault("max_window_size", min(max(window, _WINDOW_MIN), _WINDOW_MAX))
    try:
        context = zstandard.ZstdDecompressor(**options)
    except (TypeError, ValueError, OverflowError, zstandard.ZstdError) as error:
        raise _refused("zstd", error) from error
    lock = Lock()
    parameters = zstandard.get_frame_parameters
    damage = zstandard.ZstdError

    def decompress(data: bytes) -> bytes:
        try:
            size = parameters(data).content_size
            with lock:
                if 0 <= size < _UNKNOWN_SIZE:
                    if size > limit:
                        raise _too_large("zstd", limit)
                    plain: bytes = context.decompress(
                        data, max_output_size=limit, allow_extra_data=False
                    )
                    return plain
                return _zstd_stream(context, data, limit)
        except damage as error:
            raise _damaged("zstd", error) from None

    return decompress


def _zstd_stream(context: Any, data: bytes, limit: int) -> bytes:
    """Decompress a frame that does not tell its size, a little at a time."""
    stream = context.decompressobj()
    parts: list[bytes] = []
    size = 0
    for at in range(0, len(data), _PIECE):
        part = stream.decompress(data[at : at + _PIECE])
        parts.append(part)
        size += len(part)
        if size > limit:
            raise _too_large("zstd", limit)
        if stream.eof:
            rest = len(stream.unused_data) + len(data[at + _PIECE :])
            if rest:
                raise _damaged("zstd", f"{rest} bytes follow its end")
            return b"".join(parts)
    raise _damaged("zstd", "it ends too early")


def _plugin(algorithm: str, level: Any, options: dict[str, Any]) -> Any:
    cls = named_class(GROUP, algorithm, ("compressor", "decompressor"), "compression.algorithm")
    try:
        return cls(level=level, params=options)
    except Exception as error:
        raise _refused(algorithm, error) from error


def _measured(algorithm: str, plugin: Any, limit: int) -> Transform:
    """The decompressor of a plugin, with its errors and the size of its results under control."""

    def decompress(data: bytes) -> bytes:
        try:
            plain = plugin(data)
        except Exception as error:
            raise _damaged(algorithm, error) from error
        if not isinstance(plain, bytes):
            raise InvalidMessageError(
                f"the decompressor of {algorithm!r} must return bytes; it returned "
                f"{type(plain).__name__}"
            )
        if len(plain) > limit:
            raise _too_large(algorithm, limit)
        return plain

    return decompress
