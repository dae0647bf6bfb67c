"""Wrong parameters reach the mqtt plugin through the host and are taken, or raise something else."""

from published import conclude, service
from sinetstream import InvalidArgumentError, MessageReader, MessageWriter

wrong = []
for cls, params in (
    (MessageReader, {"topic": "t", "receive_timeout_ms": "soon"}),
    (MessageReader, {"topic": "t", "receive_timeout_ms": -1}),
    (MessageReader, {"topic": ["t", 17]}),
    (MessageReader, {"topic": ""}),
    (MessageWriter, {"topic": ""}),
    (MessageWriter, {"topic": 17}),
):
    try:
        cls(**service("mqtt", **params))
        said = "is taken"
    except InvalidArgumentError:
        continue
    except Exception as error:  # noqa: BLE001 - whatever comes is what is shown
        said = f"raises {type(error).__name__}: {error}"
    wrong.append(f"{cls.__name__} with {params}: {said}")
conclude(bool(wrong), "\n".join(wrong))
