"""What the guarantees of delivery come to when a broker is restarted, or connections are cut.

A writer is judged together with the plugin's reader of its own kind: whether the one lost a message
or the other cannot be told from outside.
"""

from __future__ import annotations

from sinetstream_conformance.restarts import FAULTS, over_a_fault
from sinetstream_conformance.rule import CAN, WRITERS, rule
from sinetstream_conformance.stage import Stage
from sinetstream_conformance.verdict import NotDeclared, Violation
from sinetstream_sdk.consistency import Consistency

SOURCE = "the guarantee's name, as the user guide of SINETStream explains `consistency`"
CASES = tuple(FAULTS)
OVER = {
    "restart": "the restart of a broker",
    "cut": "a cut of the connection, with messages under way",
}


def keeps(stage: Stage, guarantee: Consistency) -> None:
    """Judge a guarantee that the plugin declares, from the history of all messages."""
    if guarantee not in stage.capabilities.consistencies:
        raise NotDeclared(f"capability 'consistencies' does not name {guarantee.name}")
    history = over_a_fault(stage, guarantee)
    stage.observations += history.published
    findings = history.judge(guarantee, ordered=bool(stage.capabilities.ordered))
    if findings:
        wrong = "; ".join(finding.describe() for finding in findings)
        raise Violation(
            f"{guarantee.name} holds over {OVER[stage.case]}",
            f"{wrong}; {history.summary()}",
            trace="\n".join(finding.evidence for finding in findings),
        )


@rule(
    "FAULT-AT-LEAST-ONCE",
    level=CAN,
    roles=WRITERS,
    says="under AT_LEAST_ONCE no acknowledged message is lost when the broker is restarted or the "
    "connection is cut",
    source=SOURCE,
    cases=CASES,
    hint="take a message for sent only when the broker has acknowledged it, send again what was "
    "not acknowledged before the connection was lost, and in the reader acknowledge a message only "
    "once it has been delivered; or declare only the consistencies that hold",
    right="self._outstanding[number] = message  # until the acknowledgement",
    wrong="self._client.send(message)\nreturn  # it is in the client's buffer",
)
def at_least_once(stage: Stage) -> None:
    keeps(stage, Consistency.AT_LEAST_ONCE)


@rule(
    "FAULT-EXACTLY-ONCE",
    level=CAN,
    roles=WRITERS,
    says="under EXACTLY_ONCE no acknowledged message is lost when the broker is restarted or the "
    "connection is cut, and none is seen twice; a plugin that cannot do that does not declare it",
    source=SOURCE,
    cases=CASES,
    hint="let the broker recognise what is sent again (QoS 2, an idempotent producer); where it "
    "cannot, refuse EXACTLY_ONCE with InvalidArgumentError, or do not declare it",
    right='raise InvalidArgumentError("this broker cannot do EXACTLY_ONCE; use AT_LEAST_ONCE")',
    wrong="if consistency is EXACTLY_ONCE:\n    consistency = AT_LEAST_ONCE",
)
def exactly_once(stage: Stage) -> None:
    keeps(stage, Consistency.EXACTLY_ONCE)


@rule(
    "FAULT-AT-MOST-ONCE",
    level=CAN,
    roles=WRITERS,
    says="under AT_MOST_ONCE no message is seen twice when the broker is restarted or the "
    "connection is cut",
    source=SOURCE,
    cases=CASES,
    hint="do not send again what may have been sent, or do not declare AT_MOST_ONCE",
    right="self._client.send(message, qos=0)",
    wrong="try:\n    self._client.send(message)\nexcept ClientError:\n"
    "    self._client.send(message)  # the first may have arrived",
)
def at_most_once(stage: Stage) -> None:
    keeps(stage, Consistency.AT_MOST_ONCE)
