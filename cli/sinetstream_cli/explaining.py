"""What ``sinetstream-sdk explain`` says of a rule."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from sinetstream_cli.declaring import capability_words, declared_words, facts
from sinetstream_conformance.rule import Rule, catalogue, select

_WIDTH = 96
_LABEL = 10


def explain(ids: Iterable[str]) -> str:
    """Everything there is to know about some rules; ``LIFE-*`` stands for several.

    The name of a capability, or of a method of a harness, is explained as well.

    :raises KeyError: an id that names no rule; the message lists near ones
    """
    wanted = [item for text in ids for item in text.split(",") if item.strip()]
    blocks: dict[str, str] = {}
    for item in wanted:
        key = item.strip().upper()
        if key.lower() in declared_words():
            blocks[key] = _declared(key.lower())
            continue
        for rule in select([key]).values():
            blocks[rule.id] = _block(rule)
    return "\n\n".join(blocks.values())


def _declared(word: str) -> str:
    kind = "capability" if word in capability_words() else "method of the harness"
    return "\n".join([f"{word}  ({kind})", *(_field(*fact) for fact in facts(word))])


def overview() -> str:
    """All rules, one a line."""
    rules = catalogue().values()
    width = max(len(rule.id) for rule in rules)
    return "\n".join(
        _cut(f"{rule.id:<{width}}  {rule.level.name:<6}  {rule.says}") for rule in rules
    )


def _cut(line: str) -> str:
    return line if len(line) <= _WIDTH + 24 else line[: _WIDTH + 21].rstrip() + "..."


def _block(rule: Rule) -> str:
    judged = ", ".join(role.value for role in rule.roles) or "the distribution as a whole"
    lines = [f"{rule.id}  ({rule.level.name})", _field("rule", rule.says)]
    lines += [_field("for", judged), _field("source", rule.source)]
    if rule.cases:
        lines.append(_field("cases", ", ".join(rule.cases)))
    if rule.example and rule.example.right:
        lines.append(_code("right", rule.example.right))
    if rule.example and rule.example.wrong:
        lines.append(_code("wrong", rule.example.wrong))
    lines.append(_field("mend", rule.hint))
    role = "package" if not rule.roles else rule.roles[0].value
    lines.append(
        f"  {'judge it':<{_LABEL}}sinetstream-sdk check NAME --rule={rule.id} --role={role}"
    )
    return "\n".join(lines)


def _field(label: str, text: str) -> str:
    return textwrap.fill(
        text,
        _WIDTH,
        initial_indent=f"  {label:<{_LABEL}}",
        subsequent_indent=" " * (_LABEL + 2),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _code(label: str, text: str) -> str:
    return f"  {label}\n" + textwrap.indent(text, "    | ", lambda _: True)
