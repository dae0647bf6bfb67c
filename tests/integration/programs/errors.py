"""What a user of the published package catches when the queue plugin refuses something."""

# ruff: noqa: T201 - its output is what the test looks at

import contextlib
import importlib
import sys

for name in sys.argv[1:]:
    module = importlib.import_module(name)
    if name == "sinetstream_queue.plugin":
        # What is raised before the published package is loaded must not settle what comes later.
        for role in (module.QueueReader, module.QueueWriter):
            with contextlib.suppress(sys.modules["sinetstream_sdk.errors"].InvalidArgumentError):
                role({})

import sinetstream  # noqa: E402 - the order of the imports above is what is tested

import sinetstream_sdk.errors  # noqa: E402

for role in ("MessageReader", "MessageWriter", "AsyncMessageReader", "AsyncMessageWriter"):
    try:
        getattr(sinetstream, role)(no_config=True, type="queue", topic="", topics="")
    except sinetstream.InvalidArgumentError as error:
        print(role, type(error).__name__, error.parameter, error)

writer = sinetstream.MessageWriter(no_config=True, type="queue", topic="sensors")
try:
    writer.publish(b"before open()")
except sinetstream.ConnectionError as error:
    print("writer", type(error).__name__, isinstance(error, sinetstream.SinetError))
try:
    writer.publish(b"before open()")
except sinetstream_sdk.errors.ConnectionError as error:
    print("caught under the SDK's name as well", isinstance(error, sinetstream.ConnectionError))
