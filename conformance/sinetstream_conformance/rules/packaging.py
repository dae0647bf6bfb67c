"""How a plugin is packaged and found (guide §3.3)."""

from __future__ import annotations

import inspect
from importlib.metadata import distributions

from sinetstream_conformance.deadline import describe_error
from sinetstream_conformance.imports import undeclared_imports
from sinetstream_conformance.probe import load_in_fresh_interpreter
from sinetstream_conformance.rule import ALL_ROLES, MUST, SHOULD, rule
from sinetstream_conformance.stage import Stage
from sinetstream_conformance.subject import misplaced, near_names, role_meant_by
from sinetstream_conformance.verdict import Unjudged
from sinetstream_sdk.roles import GROUPS
from sinetstream_sdk.spi import BASES, missing_members

SOURCE = "guide §3.3"


@rule(
    "PKG-GROUP",
    level=MUST,
    roles=(),
    says="the classes are registered under the groups sinetstream.reader, .writer, .async_reader "
    "and .async_writer; any subset of the four will do",
    source=SOURCE,
    hint="correct the group's name in the entry points of the distribution's metadata",
    right='[project.entry-points."sinetstream.reader"]\nqueue = "my_package:QueueReader"',
    wrong='[project.entry-points."sinetstream.readers"]\nqueue = "my_package:QueueReader"',
)
def group(stage: Stage) -> None:
    name = stage.subject.name
    wrong = misplaced(name, stage.subject.distribution)
    meant = ", ".join(f"sinetstream.{role_meant_by(group)}" for group in wrong)
    stage.expect(
        not wrong,
        expected=f"every entry point named {name!r} stands in one of {', '.join(GROUPS)}",
        observed=f"one stands in {', '.join(wrong)}, where no host looks; {meant} was meant?",
    )


@rule(
    "PKG-NAME",
    level=MUST,
    roles=(),
    says="the entry point's name is the messaging system's type name, and the same in every group "
    "that the plugin serves",
    source=SOURCE,
    hint="use one name, in one spelling, in all groups",
    right='[project.entry-points."sinetstream.reader"]\nqueue = "my_package:Reader"\n\n'
    '[project.entry-points."sinetstream.writer"]\nqueue = "my_package:Writer"',
    wrong='[project.entry-points."sinetstream.reader"]\nqueue = "my_package:Reader"\n\n'
    '[project.entry-points."sinetstream.writer"]\nQueue = "my_package:Writer"',
)
def name(stage: Stage) -> None:
    near = near_names(stage.subject)
    found = "; ".join(f"{other!r} in {', '.join(groups)}" for other, groups in near.items())
    stage.expect(
        not near,
        expected=f"the name {stage.subject.name!r} in every group that the plugin serves",
        observed=f"the distribution also registers {found}",
    )


@rule(
    "PKG-LOAD",
    level=MUST,
    roles=ALL_ROLES,
    says="the entry point loads to a class, without output on stdout and without a running broker",
    source=SOURCE,
    hint="let the module define classes and nothing else; connect in open()",
    right="class QueueReader(PluginMessageReader): ...",
    wrong='print("loading")\nclient = connect("localhost")',
)
def load(stage: Stage) -> None:
    record = stage.subject.record(stage.role)
    seen = load_in_fresh_interpreter(record.module)
    broken = stage.subject.load_errors.get(stage.role)
    stage.expect(
        not seen.failure and broken is None,
        expected=f"{record.value} loads to a class",
        observed=seen.failure or describe_error(broken or Unjudged("")),
    )
    stage.expect(
        not seen.output,
        expected="nothing on stdout while the module is loaded",
        observed=f"it writes {seen.output[:200]!r}",
    )
    stage.expect(
        not seen.connections,
        expected="no connection is made while the module is loaded",
        observed=f"it connects to {', '.join(seen.connections)}",
    )


@rule(
    "PKG-SHAPE",
    level=MUST,
    roles=ALL_ROLES,
    says="the class has every method and property of its role; inheriting the base class is "
    "optional",
    source="guide §3.2",
    hint="define the missing members, or derive from the SDK's base class, which has defaults for "
    "metrics() and reset_metrics()",
    right="class Writer:\n    def open(self): ...\n    def close(self): ...\n"
    "    def publish(self, message): ...\n    def metrics(self): ...\n"
    "    def reset_metrics(self): ...",
    wrong="class Writer:\n    def open(self): ...\n    def send(self, message): ...",
)
def shape(stage: Stage) -> None:
    base = BASES[stage.role]
    missing = missing_members(base, stage.cls)
    stage.expect(
        not missing,
        expected=f"{stage.cls.__name__} has {', '.join(base.required)}",
        observed=f"it lacks {', '.join(missing)}",
    )
    for member in base.required:
        if member in ("on_message", "on_failure"):
            continue
        value = inspect.getattr_static(stage.cls, member)
        stage.expect(
            callable(value) or isinstance(value, (classmethod, staticmethod)),
            expected=f"{stage.cls.__name__}.{member} is a method",
            observed=f"it is a {type(value).__name__}",
        )


@rule(
    "PKG-UNIQUE",
    level=SHOULD,
    roles=ALL_ROLES,
    says="no second installed distribution claims the same name in the same group",
    source="the hosts' registries: which of two wins is chance",
    hint="choose another type name, or uninstall one of the distributions",
    right='[project.entry-points."sinetstream.reader"]\nacme-queue = "acme_queue:Reader"',
    wrong='[project.entry-points."sinetstream.reader"]\nmqtt = "acme_mqtt:Reader"',
)
def unique(stage: Stage) -> None:
    records = stage.session.all_records(stage.role)
    claims = sorted({f"{r.distribution} {r.version} ({r.value})" for r in records})
    stage.expect(
        len(claims) <= 1,
        expected=f"one distribution claims {stage.subject.name!r} in {stage.role.group}",
        observed=f"{len(claims)} do: {', '.join(claims)}",
    )


@rule(
    "PKG-REQUIRES",
    level=SHOULD,
    roles=(),
    says="what the plugin's modules import is declared in the distribution's metadata",
    source="Python packaging: who installs the plugin gets what it needs",
    hint="add the distributions to `dependencies` in pyproject.toml, and install the plugin anew "
    "(`pip install -e .`): what counts is the metadata of what is installed",
    right='dependencies = ["sinetstream-plugin-sdk", "paho-mqtt>=2"]',
    wrong="dependencies = []",
)
def requires(stage: Stage) -> None:
    own = stage.subject.distribution
    if own is None:
        raise Unjudged("the plugin was registered at run time and has no distribution")
    dist = next(d for d in distributions() if d.metadata["Name"] == own)
    modules = {record.module for record in stage.session.own_records()}
    missing = undeclared_imports(dist, modules)
    found = "; ".join(f"{module} (from {', '.join(names)})" for module, names in missing.items())
    stage.expect(
        not missing,
        expected=f"every import of {', '.join(sorted(modules))} is covered by what {own} requires",
        observed=f"not declared: {found}",
    )
