"""The hooks of a run that judges plugins: collecting, running and reporting their checks."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sinetstream_conformance.asked import Asked, is_node_id
from sinetstream_conformance.checking import describe
from sinetstream_conformance.declarations import (
    BadDeclaration,
    as_harness,
    expected_failures_from,
    harness_for,
    params_from,
)
from sinetstream_conformance.nodes import CheckFailed, SuiteDirectory, plugin_nodes, plugin_of
from sinetstream_conformance.render import (
    failure_block,
    failure_blocks,
    skip_lines,
    summary_lines,
)
from sinetstream_conformance.report import HARNESS_BROKE, Report, fails_run
from sinetstream_conformance.session import Check, Session
from sinetstream_conformance.shared_reasons import shared_reasons
from sinetstream_conformance.subject import NoSuchPlugin, Subject
from sinetstream_conformance.verdict import Level, Outcome, Verdict

_BAD_NEWS = ("NOT CONFORMANT", "INCONCLUSIVE", "HARNESS-ERROR", "could not be taken down")


class Suite:
    """The hooks of a run that judges plugins."""

    def __init__(self, config: pytest.Config, asked: Asked, alone: bool) -> None:
        self._config = config
        self._asked = asked
        self._alone = alone
        self._folder = config.invocation_params.dir
        self._sessions: dict[str, Session] = {}
        self._headers: dict[str, list[str]] = {}
        self._outcomes: dict[str, dict[str, Outcome]] = {}
        self._charged: list[Outcome] = []
        self._stop_faults: dict[str, str] = {}
        if config.option.sinetstream_seed is None:
            config.option.sinetstream_seed = secrets.randbelow(2**32)
        self._seed: int = config.option.sinetstream_seed
        self._level = Level[config.getoption("sinetstream_level").upper()]
        self._params = params_from(
            config.getoption("sinetstream_params"), config.getoption("sinetstream_param")
        )
        self._expected = expected_failures_from(config.getoption("sinetstream_xfail"))

    @classmethod
    def install(cls, config: pytest.Config) -> None:
        """Take the suite's node ids out of pytest's arguments and register the hooks."""
        paths = [a for a in config.args if not is_node_id(a)]
        if len(paths) == len(config.args) and not config.getoption("sinetstream_plugin"):
            return
        alone = not (config.args_source is pytest.Config.ArgsSource.ARGS and paths)
        try:
            suite = cls(config, Asked(config), alone)
        except (BadDeclaration, NoSuchPlugin) as problem:
            raise pytest.UsageError(str(problem)) from problem
        except KeyError as problem:
            raise pytest.UsageError(str(problem.args[0])) from problem
        config.args[:] = [str(suite._folder)] if alone else paths
        config.pluginmanager.register(suite, "sinetstream-suite")

    def subjects(self) -> Iterable[Subject]:
        """The plugins to judge."""
        return self._asked.subjects.values()

    def checks(self, subject: Subject) -> list[Check]:
        """The checks of one plugin that were asked for."""
        return self._asked.checks(subject)

    # -- collecting ------------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_collect_directory(
        self, path: Path, parent: pytest.Collector
    ) -> pytest.Collector | None:
        """Without paths, collect nothing but the suite from the folder pytest was started in."""
        if not self._alone or path != self._folder:
            return None
        node = SuiteDirectory.from_parent(parent, path=path)
        node.judge = self
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
        for node in plugin_nodes(parent, self):
            items.extend(session.genitems(node))

    # -- running ---------------------------------------------------------------------------------

    def function(self, subject: Subject, check: Check) -> Callable[..., None]:
        """The test function that makes one check."""

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
                    expected_failures=self._expected,
                    host=self._config.getoption("sinetstream_host"),
                )
                session.__enter__()
                self._sessions[name] = session
                self._headers[name] = describe(session, origin)
            except Exception as error:  # noqa: BLE001 - a harness is foreign code
                pytest.exit(
                    f"the harness of {name!r} cannot be used: {error}", returncode=HARNESS_BROKE
                )
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
        name = plugin_of(item)
        if name in self._sessions and (nextitem is None or plugin_of(nextitem) != name):
            self._close(name)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Take down what a run that was cut short left up."""
        for name in list(self._sessions):
            self._close(name)
        if self._charged and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        broke = any(report.exit_code == HARNESS_BROKE for report in self.reports())
        if broke and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            session.exitstatus = HARNESS_BROKE

    def _close(self, name: str) -> None:
        session = self._sessions.pop(name)
        session.__exit__(None, None, None)
        if session.stop_fault:
            self._stop_faults[name] = session.stop_fault
        for outcome in session.charged:
            self._outcomes.setdefault(name, {})[outcome.id] = outcome
            self._charged.append(outcome)

    # -- reporting -------------------------------------------------------------------------------

    def pytest_report_header(self) -> list[str]:
        """Say what is judged and with which seed."""
        return [
            f"sinetstream: judging {subject.describe()} ({', '.join(map(str, subject.roles))}), "
            f"seed {self._seed}"
            for subject in self.subjects()
        ]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the outcome that came with a test's report."""
        if report.when == "call":
            outcome = _outcome_of(report)
            if outcome is not None:
                self._outcomes.setdefault(outcome.plugin, {})[outcome.id] = outcome

    def reports(self) -> list[Report]:
        """A report for each plugin that was judged."""
        return [
            Report(
                name,
                list(self._outcomes.get(name, {}).values()),
                self._headers.get(name, [self._asked.subjects[name].describe()]),
                self._level,
                partial=self._asked.partial,
                stop_fault=self._stop_faults.get(name, ""),
            )
            for name in self._asked.subjects
            if self._outcomes.get(name)
        ]

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter
    ) -> Generator[None, None, None]:
        """Close with the standing of each plugin in each role."""
        with self._told_once(terminalreporter):
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

    @contextmanager
    def _told_once(self, terminal: pytest.TerminalReporter) -> Iterator[None]:
        """Leave all but the first of the checks with one reason out of what pytest prints."""
        failed = terminal.stats.get("failed", [])
        shared = [r for report in self.reports() for r in shared_reasons(report.failures)]
        remarks = {reason.first.id: reason for reason in shared}
        told = {outcome.id for reason in shared for outcome in reason.others}
        shown = []
        for test in failed:
            outcome = _outcome_of(test)
            if outcome is None or outcome.id not in told:
                shown.append(test)
            if outcome is not None and outcome.id in remarks:
                test.longrepr = failure_block(outcome, also=remarks[outcome.id].remark())
        if not shared:
            yield
            return
        terminal.stats["failed"] = shown
        try:
            yield
        finally:
            terminal.stats["failed"] = failed  # the last line of all counts every one

    def _show(self, terminal: pytest.TerminalReporter, report: Report) -> None:
        warned = [o for o in report.outcomes if _warned(o, self._level)]
        warned += [o for o in self._charged if o.plugin == report.plugin]
        for block in failure_blocks(warned):
            terminal.write_sep("-", "warning")
            terminal.write_line(block)
        terminal.write_sep("=", f"SINETStream conformance: {report.plugin}")
        for line in [*report.header, *skip_lines(report)]:
            terminal.write_line(line)
        for line in summary_lines(report):
            good = not any(word in line for word in _BAD_NEWS)
            terminal.write_line(line, bold=True, green=good, red=not good)


def _outcome_of(report: pytest.TestReport) -> Outcome | None:
    """The outcome that came with the report of a check; None for the caller's own tests."""
    for key, value in report.user_properties:
        if key == "sinetstream" and isinstance(value, dict):
            return Outcome.from_dict(value)
    return None


def _warned(outcome: Outcome, level: Level) -> bool:
    bad = outcome.verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE)
    return bad and not fails_run(outcome, level)


def _harmless(pair: str) -> str:
    """A ``key=value`` as a report may show it."""
    from sinetstream_sdk.describe import redact

    key, _, value = pair.partition("=")
    shown = redact({key: value})[key]
    return f"{key}={shown}"
