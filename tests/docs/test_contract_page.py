"""The pages that the kit writes: all of the contract is there, and its examples are code."""

from __future__ import annotations

import ast
import re
import tomllib

import contract
import pytest
from doc_pages import DOCS, blocks, wrapped

from sinetstream_conformance import pytest_plugin
from sinetstream_conformance.report import Standing
from sinetstream_conformance.rule import Rule, catalogue
from sinetstream_conformance.verdict import Verdict

RULES = list(catalogue().values())
EXAMPLES = [
    (rule, side, getattr(rule.example, side))
    for rule in RULES
    if rule.example
    for side in ("right", "wrong")
    if getattr(rule.example, side)
]


def read(name: str) -> str:
    """A page as Sphinx sees it, without the backslashes that keep Markdown from reading more."""
    return contract.write((DOCS / name).read_text(encoding="utf-8")).replace("\\", "")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_every_rule_is_explained(rule: Rule) -> None:
    """Its anchor, words, source and mend stand in the page."""
    page = read("contract.md")
    assert f"({contract.anchor(rule.id)})=" in page
    assert rule.says.rstrip(".")[1:] in page
    assert rule.source in page
    assert rule.hint.rstrip(".")[1:] in page


def test_no_generated_part_is_left_unwritten() -> None:
    """Every mark in every page names a part that there is."""
    for page in DOCS.rglob("*.md"):
        if "_build" not in page.parts:
            assert "<!-- generated:" not in contract.write(page.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("rule", "side", "code"),
    EXAMPLES,
    ids=[f"{rule.id}-{side}" for rule, side, _ in EXAMPLES],
)
def test_examples_are_code(rule: Rule, side: str, code: str) -> None:
    """Each parses as what the page says it is written in."""
    if contract.language(code) == "toml":
        tomllib.loads(code)
    else:
        ast.parse(wrapped(code))


@pytest.mark.parametrize(
    ("rule", "side", "code"),
    [e for e in EXAMPLES if contract.language(e[2]) == "python"],
    ids=[f"{r.id}-{s}" for r, s, c in EXAMPLES if contract.language(c) == "python"],
)
def test_examples_name_things_of_the_sdk_that_there_are(rule: Rule, side: str, code: str) -> None:
    """A method of ``self.params`` in an example is one that parameters have."""
    from sinetstream_sdk.params import Params

    for name in re.findall(r"self\.params\.(\w+)", code):
        assert hasattr(Params, name), f"{rule.id}: self.params has no {name}"


def test_right_and_wrong_differ() -> None:
    """An example that shows the same twice explains nothing."""
    for rule in RULES:
        if rule.example:
            assert rule.example.right != rule.example.wrong, rule.id


@pytest.mark.parametrize("name", ["CTOR-INVALID-READER", "LIFE-METRICS-RESET"])
def test_rules_that_were_split_off_exist(name: str) -> None:
    """The page explains no rule that is gone."""
    assert name in catalogue()
    assert f"| {name} |" in read("contract.md")


def test_every_option_is_listed() -> None:
    """What pytest is told of the options, the page tells too."""
    page = read("options.md")
    declared = contract.declared_options()
    assert len(declared) > 5
    for names, attributes in declared:
        assert f"`{names[0]}" in page
        assert attributes["help"][1:].partition(" (default")[0].rstrip(".") in page
    assert pytest_plugin.pytest_addoption.__doc__


def test_every_verdict_and_standing_is_explained() -> None:
    """No word of a report is missing from the page."""
    page = read("options.md")
    for verdict in Verdict:
        assert re.search(rf"^\| {verdict.label} \|", page, re.MULTILINE), verdict
    for standing in Standing:
        assert f"| `{standing.value}` |" in page


def test_yaml_of_the_ci_page_is_run_by_its_steps() -> None:
    """The workflow has steps that run something; test_workflow runs them."""
    texts = [b.text for b in blocks(DOCS / "howto" / "test-in-ci.md") if b.language == "yaml"]
    assert any("run: pytest --sinetstream-plugin" in text for text in texts)


def test_words_with_underscores_and_stars_are_shown_as_they_are() -> None:
    """Markdown would take ``__iter__`` for bold type; code between back-ticks is left alone."""
    shown = contract._plain("`a_b` calls __iter__() and LIFE-*")
    assert shown == r"`a_b` calls \_\_iter\_\_() and LIFE-\*"
