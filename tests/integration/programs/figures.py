"""The calls of the published host that go past messages: metrics and info."""

# ruff: noqa: T201 - its output is what the test looks at

import sinetstream

how = {"no_config": True, "type": "queue", "topic": "sensors"}
for role in ("MessageReader", "MessageWriter", "AsyncMessageReader", "AsyncMessageWriter"):
    with getattr(sinetstream, role)(**how) as opened:
        before = opened.metrics.raw
        opened.reset_metrics(reset_raw=True)
        print(role, type(before).__name__, sorted(opened.info()))
