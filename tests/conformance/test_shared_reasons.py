"""A reason that many checks have in common is told once, with the count."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from sinetstream_conformance import Level, Report, Verdict, check
from sinetstream_conformance.render import failure_blocks, summary_lines
from sinetstream_conformance.verdict import Outcome
from sinetstream_sdk.roles import Role

UNSURE = Verdict.INCONCLUSIVE
REFUSED = {"receive_timeout_ms": -3}


def outcomes(*reasons: str, verdict: Verdict = UNSURE) -> list[Outcome]:
    return [
        Outcome("queue", Role.READER, f"RULE-{n}", Level.MUST, None, verdict, reason=reason)
        for n, reason in enumerate(reasons)
    ]


def test_a_common_reason_is_one_block_with_the_count() -> None:
    """The first check is told at length; of the others their number by role."""
    (block,) = failure_blocks(outcomes(*["no broker"] * 9))
    assert "queue::reader::RULE-0" in block
    assert "8 more checks for the same reason, not shown one by one: reader 8" in block


def test_the_same_reason_in_another_role_is_the_same_reason() -> None:
    """Names of roles, of their classes and of topics make no difference."""
    same = outcomes(
        "the plugin's reader: MyReader(...) refused conformance-0123456789ab",
        "the plugin's async_reader: MyAsyncReader(...) refused conformance-ffffffffffff",
        "the plugin's writer: MyWriter(...) refused conformance-aaaaaaaaaaaa",
    )
    assert len(failure_blocks(same)) == 1


def test_different_reasons_are_told_one_by_one() -> None:
    """Nothing is left out that was not told."""
    assert len(failure_blocks(outcomes("a", "b", "c", "a"))) == 4


def test_failures_are_told_one_by_one() -> None:
    """Broken rules are never summed up, whatever their words."""
    assert len(failure_blocks(outcomes(*["same"] * 5, verdict=Verdict.FAIL))) == 5


def test_the_last_line_gives_the_common_reason() -> None:
    """INCONCLUSIVE comes with its count and its reason."""
    last = summary_lines(Report("queue", outcomes(*["no broker"] * 9, "other")))[-1]
    assert last == "queue: INCONCLUSIVE (reader): 9 of 10 for one reason: no broker"


def test_the_last_line_without_a_common_reason() -> None:
    """It says how many checks there were, or which one, or that nothing was exercised."""

    def last(*reasons: str, verdict: Verdict = UNSURE) -> str:
        return summary_lines(Report("queue", outcomes(*reasons, verdict=verdict)))[-1]

    assert last("a", "b").endswith("(reader): 2 checks, each for the reason given above")
    assert last("a").endswith("(reader): RULE-0: a")
    assert last("a", verdict=Verdict.SKIP).endswith("(reader): no MUST was exercised")


def test_check_without_pytest_tells_it_once() -> None:
    """A wrong parameter gives one block and a last line with the reason."""
    text = check("queue", params=REFUSED, rules=["READ-*"], roles=["reader"]).to_text()
    assert text.count("INCONCLUSIVE  queue::reader::") == 1
    assert text.count("refuses the parameters that it was given") == 1
    assert "more checks for the same reason" in text


def test_pytest_tells_it_once_and_counts_all(tmp_path: Path) -> None:
    """One block, one line in pytest's summary, the reason in the last line, and the true count."""
    options = ["--sinetstream-plugin=queue", "--sinetstream-param=receive_timeout_ms=-3"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 1, done.stdout
    assert done.stdout.count("INCONCLUSIVE  queue::reader::") == 1 + 1  # block, and pytest's list
    assert done.stdout.count("FAILED queue::") == 1
    lines = done.stdout.splitlines()
    (last,) = (line for line in lines if line.startswith("queue: INCONCLUSIVE"))
    assert "for one reason: the plugin's reader refuses the parameters" in last
    counted = int(last.partition("): ")[2].split()[0])
    assert counted > 50
    assert f"{counted} failed" in lines[-1]
