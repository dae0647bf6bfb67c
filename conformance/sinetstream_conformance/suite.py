"""The suite as pytest sees it: which checks there are, how each runs and how it is reported."""

from __future__ import annotations

import secrets
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import Any

import pytest
from sinetstream_sdk.roles import Role

from sinetstream_conformance.checking import describe
from sinetstream_conformance.declarations import (
    BadDeclaration,
    as_harness,
    harness_for,
    params_from,
    selection,
)
from sinetstream_conformance.render import failure_block, skip_lines, summary_lines
from sinetstream_conformance.report import Report, fails_run
from sinetstream_conformance.rule import Rule, catalogue, select
from sinetstream_conformance.session import Check, Session, plan
from sinetstream_conformance.subject import (
    NoSuchPlugin,
    Subject,
    installed_plugins,
    load_subject,
)
from sinetstream_conformance.verdict import PACKAGE, Level, Outcome, Verdict, scope_name

_SCOPES = (PACKAGE, *(role.value for role in Role))


class CheckFailed(Exception):
    """A check did not pass; pytest shows the outcome's block."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


class CheckItem(pytest.Function):
    """One check."""

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The outcome's block in place of a traceback through the kit."""
        if isinstance(excinfo.value, CheckFailed):
            return failure_block(excinfo.value.outcome)
        return super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[str, None, str]:
        """What stands over the failure."""
        return self.nodeid, None, self.nodeid


class RoleNode(pytest.Collector):
    """The checks of one role of a plugin."""

    checks: list[Check]
    suite: Suite

    def collect(self) -> Iterable[pytest.Item]:
        """One item for each check."""
        for check in self.checks:
            yield CheckItem.from_parent(
                self, name=check.name, callobj=self.suite.function(self.parent, check)
            )


class PluginNode(pytest.Collector):
    """The checks of one plugin."""

    suite: Suite
    subject: Subject

    def collect(self) -> Iterable[pytest.Collector]:
        """One node for each role."""
        by_scope: dict[str, list[Check]] = {}
        for check in self.suite.checks(self.subject):
            by_scope.setdefault(scope_name(check.role), []).append(check)
        for scope, checks in by_scope.items():
            node = RoleNode.from_parent(self, name=scope, nodeid=f"{self.name}::{scope}")
            node.checks, node.suite = checks, self.suite
            yield node


class SuiteDirectory(pytest.Directory):
    """The folder that pytest was started in, seen as holding the suite and nothing else."""

    suite: Suite

    def collect(self) -> Iterable[pytest.Collector]:
        """One node for each plugin."""
        yield from self.suite.plugin_nodes(self)


class Suite:
    """The hooks of a run that judges plugins."""

    def __init__(self, config: pytest.Config, picked: list[tuple[str, ...]], alone: bool) -> None:
        self._config = config
        self._alone = alone
        self._picked = picked
        self._folder = config.invocation_params.dir
        self._sessions: dict[str, Session] = {}
        self._headers: dict[str, list[str]] = {}
        self._outcomes: dict[str, dict[str, Outcome]] = {}
        self._charged: list[Outcome] = []
        if config.option.sinetstream_seed is None:
            config.option.sinetstream_seed = secrets.randbelow(2**32)
        self._seed: int = config.option.sinetstream_seed
        self._level = Level[config.getoption("sinetstream_level").upper()]
        self._params = params_from(
            config.getoption("sinetstream_params"), config.getoption("sinetstream_param")
        )
        self._rules = self._selected_rules()
        self._scopes = self._selected_scopes()
        self._subjects = {name: self._subject(name) for name in self._names()}
        for subject in self._subjects.values():
            self._require_checks(subject)

    @classmethod
    def install(cls, config: pytest.Config) -> None:
        """Take the suite's node ids out of pytest's arguments and register the hooks."""
        picked = [_node_id_parts(a) for a in config.args if _is_node_id(a)]
        if not picked and not config.getoption("sinetstream_plugin"):
            return
        paths = [a for a in config.args if not _is_node_id(a)]
        given = config.args_source is pytest.Config.ArgsSource.ARGS
        alone = not (given and paths)
        try:
            suite = cls(config, picked, alone)
        except (BadDeclaration, NoSuchPlugin) as problem:
            raise pytest.UsageError(str(problem)) from problem
        except KeyError as problem:
            raise pytest.UsageError(str(problem.args[0])) from problem
        config.args[:] = [str(suite._folder)] if alone else paths
        config.pluginmanager.register(suite, "sinetstream-suite")

    # -- what to judge ---------------------------------------------------------------------------

    def _names(self) -> list[str]:
        names = selection(self._config.getoption("sinetstream_plugin"))
        if "all" in names:
            names = list(installed_plugins())
            if not names:
                raise NoSuchPlugin("no plugin is installed in this environment")
        return list(dict.fromkeys([*names, *(parts[0] for parts in self._picked)]))

    def _subject(self, name: str) -> Subject:
        return load_subject(name, self._config.getoption("sinetstream_distribution"))

    def _selected_rules(self) -> dict[str, Rule] | None:
        ids = selection(self._config.getoption("sinetstream_rule"))
        return select(ids) if ids else None

    def _selected_scopes(self) -> list[str]:
        scopes = selection(self._config.getoption("sinetstream_role"))
        for scope in scopes:
            if scope not in _SCOPES:
                raise BadDeclaration(f"there is no role {scope!r}; there are {', '.join(_SCOPES)}")
        return scopes

    def _require_checks(self, subject: Subject) -> None:
        """Refuse a selection that leaves nothing to judge, which would be an empty green run."""
        if self.checks(subject):
            return
        wanted = [s for s in self._scopes if s != PACKAGE and Role(s) not in subject.roles]
        why = (
            f"it registers no {' and no '.join(wanted)}, only {', '.join(map(str, subject.roles))}"
            if wanted
            else "no rule and role that were asked for go together"
        )
        raise BadDeclaration(f"there is nothing to judge of plugin {subject.name!r}: {why}")

    @property
    def _partial(self) -> bool:
        return bool(self._rules is not None or self._scopes or self._picked)

    def checks(self, subject: Subject) -> list[Check]:
        """The checks of one plugin that were asked for."""
        every = plan(subject, self._rules or catalogue())
        mine = [parts for parts in self._picked if parts[0] == subject.name]
        return [
            check
            for check in every
            if (not self._scopes or scope_name(check.role) in self._scopes)
            and (not mine or any(_matches(parts, check) for parts in mine))
        ]

    # -- collecting ------------------------------------------------------------------------------

    def plugin_nodes(self, parent: pytest.Collector) -> Iterable[pytest.Collector]:
        """A node for each plugin."""
        for name, subject in self._subjects.items():
            node = PluginNode.from_parent(parent, name=name, nodeid=name)
            node.suite, node.subject = self, subject
            yield node

    @pytest.hookimpl(tryfirst=True)
    def pytest_collect_directory(
        self, path: Path, parent: pytest.Collector
    ) -> pytest.Collector | None:
        """Without paths, collect nothing but the suite from the folder pytest was started in."""
        if not self._alone or path != self._folder:
            return None
        node = SuiteDirectory.from_parent(parent, path=path)
        node.suite = self
        return node

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(
        self, session: pytest.Session, items: list[pytest.Item]
    ) -> None:
        """With paths, add the suite to what was collected from them."""
        if self._alone:
            return
        parent = next(
            (
                node
                for item in items
                for node in item.listchain()
                if isinstance(node, pytest.Directory) and node.path == self._folder
            ),
            session,
        )
        for node in self.plugin_nodes(parent):
            items.extend(session.genitems(node))

    # -- running ---------------------------------------------------------------------------------

    def function(self, node: Any, check: Check) -> Any:
        """The test function that makes one check."""
        subject: Subject = node.subject

        def run(request: pytest.FixtureRequest, sinetstream_harness: object) -> None:
            outcome = self._session(subject, sinetstream_harness).run(check)
            request.node.user_properties.append(("sinetstream", outcome.to_dict()))
            if outcome.verdict is Verdict.SKIP:
                pytest.skip(outcome.reason)
            if outcome.verdict is Verdict.XFAIL:
                pytest.xfail(outcome.reason)
            if fails_run(outcome, self._level):
                raise CheckFailed(outcome)

        return run

    def _session(self, subject: Subject, override: object) -> Session:
        name = subject.name
        if name not in self._sessions:
            try:
                reference = self._config.getoption("sinetstream_harness")
                if reference is None and override is not None:
                    harness = as_harness(override, "fixture sinetstream_harness")
                    origin = "harness from fixture sinetstream_harness"
                else:
                    harness, origin = harness_for(name, reference)
                session = Session(
                    subject,
                    harness,
                    params=self._params,
                    seed=self._seed,
                    replay=self._replay_options(),
                )
                session.__enter__()
            except Exception as error:  # noqa: BLE001 - a harness is foreign code
                pytest.exit(f"the harness of {name!r} cannot be used: {error}", returncode=3)
            self._sessions[name] = session
            self._headers[name] = describe(session, origin)
        return self._sessions[name]

    def _replay_options(self) -> str:
        options = self._config.option
        shown = [f"--sinetstream-params={name}" for name in options.sinetstream_params]
        shown += [f"--sinetstream-param '{_harmless(p)}'" for p in options.sinetstream_param]
        if options.sinetstream_harness:
            shown.append(f"--sinetstream-harness={options.sinetstream_harness}")
        if options.sinetstream_distribution:
            shown.append(f"--sinetstream-distribution={options.sinetstream_distribution}")
        return " ".join(shown)

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_teardown(self, item: pytest.Item, nextitem: pytest.Item | None) -> None:
        """Take a plugin's harness down after its last check."""
        name = _plugin_of(item)
        if name in self._sessions and (nextitem is None or _plugin_of(nextitem) != name):
            self._close(name)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Take down what a run that was cut short left up."""
        for name in list(self._sessions):
            self._close(name)
        if self._charged and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _close(self, name: str) -> None:
        session = self._sessions.pop(name)
        session.__exit__(None, None, None)
        for outcome in session.charged:
            self._outcomes.setdefault(name, {})[outcome.id] = outcome
            self._charged.append(outcome)

    # -- reporting -------------------------------------------------------------------------------

    def pytest_report_header(self) -> list[str]:
        """Say what is judged and with which seed."""
        return [
            f"sinetstream: judging {subject.describe()} ({', '.join(map(str, subject.roles))}), "
            f"seed {self._seed}"
            for subject in self._subjects.values()
        ]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the outcome that came with a test's report."""
        if report.when == "call":
            for key, value in report.user_properties:
                if key == "sinetstream" and isinstance(value, dict):
                    outcome = Outcome.from_dict(value)
                    self._outcomes.setdefault(outcome.plugin, {})[outcome.id] = outcome

    def reports(self) -> list[Report]:
        """A report for each plugin that was judged."""
        return [
            Report(
                name,
                list(self._outcomes.get(name, {}).values()),
                self._headers.get(name, [self._subjects[name].describe()]),
                self._level,
                partial=self._partial,
            )
            for name in self._subjects
            if self._outcomes.get(name)
        ]

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter
    ) -> Generator[None, None, None]:
        """Close with the standing of each plugin in each role."""
        yield
        reports = self.reports()
        for report in reports:
            self._show(terminalreporter, report)
        target = self._config.getoption("sinetstream_report")
        if target and reports:
            Path(target).write_text(
                "[" + ",\n".join(r.to_json() for r in reports) + "]\n", encoding="utf-8"
            )
            terminalreporter.write_line(f"report written to {target}")

    def _show(self, terminal: pytest.TerminalReporter, report: Report) -> None:
        warned = [o for o in report.outcomes if _warned(o, self._level)]
        warned += [o for o in self._charged if o.plugin == report.plugin]
        for outcome in warned:
            terminal.write_sep("-", f"warning: {outcome.id}")
            terminal.write_line(failure_block(outcome))
        terminal.write_sep("=", f"SINETStream conformance: {report.plugin}")
        for line in [*report.header, *skip_lines(report)]:
            terminal.write_line(line)
        for line in summary_lines(report):
            good = "NOT CONFORMANT" not in line and "INCONCLUSIVE" not in line
            terminal.write_line(line, bold=True, green=good, red=not good)


def _warned(outcome: Outcome, level: Level) -> bool:
    bad = outcome.verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE)
    return bad and not fails_run(outcome, level)


def _node_id_parts(argument: str) -> tuple[str, ...]:
    """The parts of a node id; pytest prints it with ``../`` before it in a folder below its root."""
    name, *rest = argument.split("::")
    return (name.rpartition("/")[2], *rest)


def _is_node_id(argument: str) -> bool:
    parts = argument.split("::")
    return len(parts) > 1 and parts[1] in _SCOPES and not Path(parts[0]).exists()


def _matches(parts: tuple[str, ...], check: Check) -> bool:
    scope = scope_name(check.role)
    return parts[1] == scope and (len(parts) < 3 or parts[2] in (check.name, check.rule.id))


def _plugin_of(item: pytest.Item) -> str | None:
    return next((node.name for node in item.listchain() if isinstance(node, PluginNode)), None)


def _harmless(pair: str) -> str:
    """A ``key=value`` as a report may show it."""
    from sinetstream_sdk.describe import redact

    key, _, value = pair.partition("=")
    shown = redact({key: value})[key]
    return f"{key}={shown}"
