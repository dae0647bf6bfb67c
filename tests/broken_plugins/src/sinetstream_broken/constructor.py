"""Classes that break the rules of ``rules/constructor.py``."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, ClassVar

from sinetstream_broken.correct import (
    MemoryAsyncReader,
    MemoryAsyncWriter,
    MemoryReader,
    MemoryWriter,
)
from sinetstream_broken.marking import breaks
from sinetstream_broken.tcp import TcpAsyncReader, TcpAsyncWriter, TcpReader, TcpWriter
from sinetstream_sdk.consistency import Consistency
from sinetstream_sdk.errors import (
    ConnectionError,  # noqa: A004 - the published name
    InvalidArgumentError,
    SinetError,
)

# -- CTOR-PARAMS ---------------------------------------------------------------------------------


@breaks("CTOR-PARAMS", role="reader", says=("can be constructed with", "TypeError", "*args"))
class ParamsAsKeywords(MemoryReader):
    """Wants each parameter as a keyword argument."""

    def __init__(self, **params: Any) -> None:
        super().__init__(params)


@breaks("CTOR-PARAMS", role="writer", says=("can be constructed with", "'host'"))
class ThirdArgument(MemoryWriter):
    """Wants an argument that no host passes."""

    def __init__(self, confver: Any, params: Any, host: str) -> None:
        super().__init__(confver, params)
        self.host = host


@breaks("CTOR-PARAMS", role="async_reader", says=("can be constructed with", "AttributeError"))
class ParamsFirst(MemoryAsyncReader):
    """Takes the two arguments in the other order."""

    def __init__(self, params: Any, confver: Any) -> None:
        self.client_id = params.get("client_id")
        super().__init__(confver, params)


@breaks("CTOR-PARAMS", role="async_writer", says=("KeyError: 'brokers'", "--sinetstream-param"))
class UndeclaredParameter(MemoryAsyncWriter):
    """Needs a parameter that neither its harness nor the user gives."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.brokers = args[-1]["brokers"]


@breaks("CTOR-PARAMS", role="reader", says=("guarantee refused", "Capabilities(consistencies="))
class RefusesGuarantee(MemoryReader):
    """Gives less than its harness declares."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        if self.params.consistency() is not Consistency.AT_MOST_ONCE:
            raise self.params.invalid("consistency", "AT_MOST_ONCE")


# -- CTOR-GUIDE and CTOR-HOST --------------------------------------------------------------------


@breaks("CTOR-GUIDE", role="reader", says=("as capability guide_constructor says", "TypeError"))
class HostFormReader(MemoryReader):
    """Cannot do without ``confver``."""

    def __init__(self, confver: Any, params: Any) -> None:
        super().__init__(confver, params)


@breaks("CTOR-GUIDE", role="writer", says=("as capability guide_constructor says", "TypeError"))
class HostFormWriter(MemoryWriter):
    """Cannot do without ``confver``."""

    def __init__(self, confver: Any, params: Any) -> None:
        super().__init__(confver, params)


@breaks("CTOR-GUIDE", role="async_reader", says="as capability guide_constructor says")
class HostFormAsyncReader(MemoryAsyncReader):
    """Wraps a reader that cannot do without ``confver``."""

    reader_class = HostFormReader


@breaks("CTOR-GUIDE", role="async_writer", says="as capability guide_constructor says")
class HostFormAsyncWriter(MemoryAsyncWriter):
    """Wraps a writer that cannot do without ``confver``."""

    writer_class = HostFormWriter


@breaks("CTOR-HOST", role="reader", says="params-only constructor")
class GuideFormReader(MemoryReader):
    """Takes ``params`` alone, as the guide has it."""

    def __init__(self, params: Any) -> None:
        super().__init__(params)


@breaks("CTOR-HOST", role="writer", says="params-only constructor")
class GuideFormWriter(MemoryWriter):
    """Takes ``params`` alone, as the guide has it."""

    def __init__(self, params: Any) -> None:
        super().__init__(params)


@breaks("CTOR-HOST", role="async_reader", says="params-only constructor")
class GuideFormAsyncReader(MemoryAsyncReader):
    """Takes ``params`` alone, as the guide has it."""

    def __init__(self, params: Any) -> None:
        super().__init__(params)


@breaks("CTOR-HOST", role="async_writer", says="params-only constructor")
class GuideFormAsyncWriter(MemoryAsyncWriter):
    """Takes ``params`` alone, as the guide has it."""

    def __init__(self, params: Any) -> None:
        super().__init__(params)


# -- CTOR-UNKNOWN --------------------------------------------------------------------------------

KNOWN = (
    *("service", "type", "client_id", "consistency", "value_type"),
    *("data_compression", "data_encryption", "receive_timeout_ms", "topic", "topics"),
)


def client(
    *,
    topic: str,
    service: str = "",
    type: str = "",  # noqa: A002 - the parameter's name
    client_id: str = "",
    consistency: object = None,
    value_type: object = None,
    data_compression: bool = False,
    data_encryption: bool = False,
) -> str:
    """Stands for the constructor of a client library."""
    return topic


@breaks("CTOR-UNKNOWN", role="reader", says=("are ignored", "does not know compression"))
class StrictReader(MemoryReader):
    """Refuses what it does not know, and so what the host passes on."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        for name in self.params:
            if name not in KNOWN:
                raise InvalidArgumentError(f"this plugin does not know {name}")


@breaks("CTOR-UNKNOWN", role="writer", says=("unexpected keyword argument", "do not spread params"))
class SpreadingWriter(MemoryWriter):
    """Spreads the parameters into a client's keyword arguments."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        client(**self.params)


@breaks("CTOR-UNKNOWN", role="async_reader", says="does not know compression")
class StrictAsyncReader(MemoryAsyncReader):
    """Wraps a reader that refuses what it does not know."""

    reader_class = StrictReader


@breaks("CTOR-UNKNOWN", role="async_writer", says="unexpected keyword argument")
class SpreadingAsyncWriter(MemoryAsyncWriter):
    """Wraps a writer that spreads the parameters."""

    writer_class = SpreadingWriter


# -- CTOR-NOCONNECT ------------------------------------------------------------------------------


@breaks(
    "CTOR-NOCONNECT",
    role="reader",
    model="tcp",
    says=("no connection while constructing", "it connects to ('127.0.0.1'"),
)
class ConnectsEarly(TcpReader):
    """Connects in the constructor and leaves nothing to ``open()``."""

    def __init__(self, confver: Any, params: dict[str, Any]) -> None:
        super().__init__(confver, params)
        self.connection = self.connect()

    def open(self) -> None:
        pass


@breaks("CTOR-NOCONNECT", role="writer", model="tcp", says="it connects to ('127.0.0.1'")
class AsksWhetherThere(TcpWriter):
    """Looks in the constructor whether the broker is there."""

    def __init__(self, confver: Any, params: dict[str, Any]) -> None:
        super().__init__(confver, params)
        with suppress(SinetError):
            self.connect().close()


@breaks("CTOR-NOCONNECT", role="async_reader", model="tcp", says="it connects to ('127.0.0.1'")
class ConnectsBehindTheScenes(TcpAsyncReader):
    """Connects in a thread that the constructor starts."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        threading.Thread(target=self._warm_up, daemon=True).start()

    def _warm_up(self) -> None:
        threading.Event().wait(0.05)
        with suppress(SinetError):
            TcpReader.connect(self.wrapped).close()  # type: ignore[arg-type]


@breaks(
    "CTOR-NOCONNECT",
    role="writer",
    model="tcp",
    says=("a thread that was there before connects to ('127.0.0.1'", "is constructed"),
)
class ConnectsOnSharedThread(TcpWriter):
    """Has all connections made by one thread, which instances share."""

    executor: ClassVar[ThreadPoolExecutor] = ThreadPoolExecutor(max_workers=1)

    def __init__(self, confver: Any, params: dict[str, Any]) -> None:
        super().__init__(confver, params)
        with suppress(SinetError):
            self.executor.submit(self.connect).result().close()


@breaks(
    "CTOR-NOCONNECT",
    role="async_writer",
    model="tcp",
    says=("constructing succeeds while no broker can be reached", "nobody answers"),
)
class ConnectsUnseen(TcpAsyncWriter):
    """Connects in the constructor by means that Python does not see, as a C library would."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        connect = "import socket, sys; socket.create_connection(('127.0.0.1', int(sys.argv[1])))"
        command = [sys.executable, "-S", "-c", connect, str(self.params["port"])]
        if subprocess.run(command, stderr=subprocess.DEVNULL, timeout=60, check=False).returncode:
            raise ConnectionError("nobody answers")


# -- CTOR-NOMUTATE -------------------------------------------------------------------------------


@breaks("CTOR-NOMUTATE", role="reader", says="changed: topic")
class PopsTopic(MemoryReader):
    """Takes out what it has read."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        args[-1].pop("topic", None)


@breaks("CTOR-NOMUTATE", role="writer", says="changed: type_spec")
class FillsIn(MemoryWriter):
    """Fills in a default deep inside."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        args[-1].setdefault("type_spec", {}).setdefault("keepalive", 60)


@breaks("CTOR-NOMUTATE", role="async_reader", says="changed: receive_timeout_ms")
class ShortensTimeout(MemoryAsyncReader):
    """Sets the timeout for the reader inside, in the caller's own dict."""

    def __init__(self, *args: Any) -> None:
        args[-1]["receive_timeout_ms"] = 20
        super().__init__(*args)


@breaks("CTOR-NOMUTATE", role="async_writer", says="changed: client_id")
class RenamesOnOpen(MemoryAsyncWriter):
    """Keeps the caller's dict and changes it later."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.kept = args[-1]

    def open(self) -> None:
        self.kept["client_id"] = f"{self.kept['client_id']}-async"
        super().open()
