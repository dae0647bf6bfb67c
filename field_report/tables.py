"""The tables of the field report, made from the kit's JSON: needs nothing but Python."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent / "results"
ROLES = ("package", "reader", "writer", "async_reader", "async_writer")
WORST_FIRST = ("KIT-ERROR", "FAIL", "INCONCLUSIVE", "XFAIL", "PASS")
LONGEST = 160


def write_tables(plugin: str, folder: Path = RESULTS) -> Path:
    """Write ``<plugin>.md`` from ``<plugin>.json`` and ``<plugin>.versions.txt``.

    :raises FileNotFoundError: the kit has not been run on the plugin yet
    """
    (report,) = json.loads((folder / f"{plugin}.json").read_text(encoding="utf-8"))
    versions = (folder / f"{plugin}.versions.txt").read_text(encoding="utf-8").splitlines()
    target = folder / f"{plugin}.md"
    parts = [_judged(report, versions), _standings(report), _verdicts(report), _evidence(report)]
    target.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return target


def verdict_of(outcomes: list[dict[str, Any]]) -> str:
    """The verdict on a rule from those on its cases: the worst; skipped only if all are."""
    found = {outcome["verdict"] for outcome in outcomes}
    return next((one for one in WORST_FIRST if one in found), "SKIP" if found else "")


def _judged(report: dict[str, Any], versions: list[str]) -> str:
    broker = re.search(r"broker: (.*?),? at ", "\n".join(report["header"]))
    kit = re.search(r"judged by (.*?), seed", "\n".join(report["header"]))
    rows = [*versions, kit.group(1) if kit else "", broker.group(1) if broker else ""]
    return "Judged with " + ", ".join(filter(None, rows)) + "."


def _standings(report: dict[str, Any]) -> str:
    lines = [
        "| role | verdict | rules | PASS | FAIL | INCONCLUSIVE | SKIP |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    for role in ROLES:
        rules = _by_rule(report, role)
        if not rules:
            continue
        found = [verdict_of(outcomes) for outcomes in rules.values()]
        counts = [found.count(v) for v in ("PASS", "FAIL", "INCONCLUSIVE", "SKIP")]
        standing = "" if role == "package" else report["standing"].get(role, "")
        numbers = " | ".join(map(str, [len(rules), *counts]))
        lines.append(f"| `{role}` | {standing} | {numbers} |")
    return "\n".join(lines)


def _verdicts(report: dict[str, Any]) -> str:
    lines = ["| rule | level | " + " | ".join(ROLES) + " |", "|---|---|" + "---|" * len(ROLES)]
    levels = {outcome["rule"]: outcome["level"] for outcome in report["outcomes"]}
    for rule, level in levels.items():
        cells = [verdict_of(_by_rule(report, role).get(rule, [])) for role in ROLES]
        shown = [f"**{cell}**" if cell in ("FAIL", "KIT-ERROR") else cell.lower() for cell in cells]
        lines.append(f"| {rule} | {level} | " + " | ".join(shown) + " |")
    return "\n".join(lines)


def _evidence(report: dict[str, Any]) -> str:
    lines = ["| broken rule | role | observed |", "|---|---|---|"]
    for role in ROLES:
        for rule, outcomes in _by_rule(report, role).items():
            failed = [o for o in outcomes if o["verdict"] == "FAIL"]
            for observed, cases in _alike(failed).items():
                named = f" [{', '.join(cases)}]" if any(cases) else ""
                lines.append(f"| {rule}{named} | {role} | {observed} |")
    return "\n".join(lines)


def _alike(outcomes: list[dict[str, Any]]) -> dict[str, list[str]]:
    """The cases of a rule by what was observed in them."""
    found: dict[str, list[str]] = {}
    for outcome in outcomes:
        found.setdefault(_shortened(outcome["observed"]), []).append(outcome["case"] or "")
    return found


def _shortened(text: str) -> str:
    text = re.sub(
        r" <sinetstream_conformance\S+ object at 0x[0-9a-f]+>( \(\w+\))?", " an object", text
    )
    text = re.sub(r"conformance-[0-9a-f]{12}", "TOPIC", re.sub(r"0x[0-9a-f]+", "0x...", text))
    text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", " ".join(text.split()))
    text = text if len(text) <= LONGEST else text[:LONGEST] + " ..."
    return "`` " + text.replace("|", "\\|").replace("`", "'") + " ``"


def _by_rule(report: dict[str, Any], role: str) -> dict[str, list[dict[str, Any]]]:
    rules: dict[str, list[dict[str, Any]]] = {}
    for outcome in report["outcomes"]:
        if outcome["role"] == role:
            rules.setdefault(outcome["rule"], []).append(outcome)
    return rules
