"""Make projects from the template and try each as its author would.

    python scripts/template_matrix.py             all 15 sets of roles x 3 kinds
    python scripts/template_matrix.py --sample    as few as cover every pair of options
    python scripts/template_matrix.py --quick     one of each kind

Each project is made from the template in the SDK's wheel, installed with pip from its own folder
into a virtual environment of its own, judged strictly, linted, typed, built, and run under the
published ``sinetstream``. The environments share one that holds what every project needs from an
index, so that this is fetched once. The exit status is 1 if anything failed, and 3 if that shared
environment could not be made.
"""

# ruff: noqa: T201 - a command-line tool talks through print

from __future__ import annotations

import argparse
import itertools
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PUBLISHED = "sinetstream==1.10.*"
TOOLS = ("build>=1.2", "editables>=0.5", "hatchling>=1.26", "mypy>=1.11", "ruff>=0.6", "twine>=6.1")
ROLES = ("reader", "writer", "async_reader", "async_writer")
KINDS = ("in-process", "network", "wrap")
LICENCES = ("Apache-2.0", "MIT", "BSD-3-Clause", "Proprietary")
# The shortest and the longest show lines that are formatted for names of one length only.
TYPE_NAMES = ("lab_bus", "z", "a_name_of_exactly_thirty_two_ch0")
STEP_TIMEOUT_S = 600.0
WORKERS = 2
KEPT_OUT = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PYTEST_ADDOPTS", "PYTEST_PLUGINS")
STRICT = re.compile(r"^\S+ (\w+) +CONFORMANT STRICT ", re.MULTILINE)


class CannotPrepare(Exception):
    """The environment that the projects share cannot be made."""


class StepFailed(Exception):
    """A step of trying a project did not end as it should; the message is its output."""


@dataclass(frozen=True)
class Project:
    """The answers that one project is made of."""

    roles: tuple[str, ...]
    kind: str
    licence: str
    type_name: str

    @property
    def name(self) -> str:
        """A short name for tables and folders."""
        initials = "".join(
            "".join(word[0] for word in role.split("_")) + "." for role in self.roles
        )
        return f"{self.kind}-{initials}{self.licence}-{len(self.type_name)}"

    @property
    def distribution(self) -> str:
        """The name of its distribution, which is that of its folder, too."""
        return f"sinetstream-plugin-{self.type_name.replace('_', '-')}"

    def answers(self) -> dict[str, str]:
        """The answers, by the names that the template has for the questions."""
        return {
            "type_name": self.type_name,
            "author": 'Åsa "the author" O\'Hara',
            "roles": ",".join(self.roles),
            "kind": self.kind,
            "licence": self.licence,
        }


@dataclass
class Result:
    """What became of one project."""

    project: Project
    seconds: dict[str, float] = field(default_factory=dict)
    failed: str = ""
    output: str = ""


# ---- which projects


def role_sets() -> Iterator[tuple[str, ...]]:
    """Every set of roles that is not empty."""
    for size in range(1, len(ROLES) + 1):
        yield from itertools.combinations(ROLES, size)


def every_project() -> list[Project]:
    """Every set of roles with every kind; licences and lengths of names take turns."""
    turns = zip(itertools.cycle(LICENCES), itertools.cycle(TYPE_NAMES), strict=False)
    return [
        Project(roles, kind, *turn)
        for (roles, kind), turn in zip(itertools.product(role_sets(), KINDS), turns, strict=False)
    ]


def pairs(project: Project) -> set[tuple[tuple[str, object], tuple[str, object]]]:
    """Every two options of a project; each role is an option that is on or off."""
    options: list[tuple[str, object]] = [(role, role in project.roles) for role in ROLES]
    options += [("kind", project.kind), ("licence", project.licence)]
    return set(itertools.combinations(options, 2))


def pairwise_sample() -> list[Project]:
    """Few projects that have every pair of options between them."""
    combinations = list(itertools.product(KINDS, LICENCES))
    missing = {
        pair
        for roles, (kind, licence) in itertools.product(role_sets(), combinations)
        for pair in pairs(Project(roles, kind, licence, ""))
    }
    names = itertools.cycle(TYPE_NAMES)
    chosen: list[Project] = []
    # Every kind meets every licence; of the roles, those come next that bring most pairs.
    for kind, licence in itertools.cycle(combinations):
        if not missing:
            return chosen
        name = next(names)
        candidates = [Project(roles, kind, licence, name) for roles in role_sets()]
        best = max(candidates, key=lambda candidate: len(pairs(candidate) & missing))
        if pairs(best) & missing:
            missing -= pairs(best)
            chosen.append(best)
    return chosen


def one_of_each_kind() -> list[Project]:
    """All roles, only reading ones and only a writing one, each with another kind."""
    return [
        Project(ROLES, "network", "MIT", TYPE_NAMES[0]),
        Project(("writer",), "in-process", "BSD-3-Clause", TYPE_NAMES[1]),
        Project(("reader", "async_reader"), "wrap", "Proprietary", TYPE_NAMES[2]),
    ]


# ---- trying them


def run(command: Sequence[object], cwd: Path) -> str:
    """Run a program to its end, cut off from the checkout, and give what it prints.

    :raises StepFailed: it fails, or takes too long
    """
    env = {name: value for name, value in os.environ.items() if name not in KEPT_OUT}
    env |= {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONNOUSERSITE": "1", "PIP_NO_INPUT": "1"}
    shown = " ".join(map(str, command))
    try:
        ran = subprocess.run(
            list(map(str, command)),
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=STEP_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise StepFailed(f"$ {shown}\ntook more than {STEP_TIMEOUT_S:g} s") from None
    if ran.returncode != 0:
        raise StepFailed(f"$ {shown}\n{ran.stdout}\nstatus {ran.returncode}")
    return ran.stdout


def make_venv(path: Path) -> Path:
    """Make an empty virtual environment and give its interpreter."""
    run([sys.executable, "-m", "venv", "--without-pip", path], path.parent)
    return path / "bin" / "python"


def site_packages(python: Path) -> Path:
    """Where packages of an environment are."""
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    return Path(run([python, "-c", code], python.parent).strip())


class Workshop:
    """The SDK's wheel and an environment with all that projects need, in a folder."""

    def __init__(self, folder: Path) -> None:
        """Make both.

        :raises CannotPrepare: a package cannot be had
        """
        self.folder = folder
        wheels = folder / "wheels"
        build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", wheels]
        try:
            # Twice, as it is published: from the source archive and not from the checkout.
            run([*build, ROOT], folder)
            (wheel,) = wheels.glob("*.whl")
            self.shared = make_venv(folder / "shared")
            pip = [sys.executable, "-m", "pip", "--python", self.shared, "install", "--quiet"]
            run([*pip, f"{wheel}[conformance,template]", *TOOLS, PUBLISHED], folder)
        except StepFailed as failed:
            raise CannotPrepare(str(failed)) from failed
        self.packages = site_packages(self.shared)
        self.template = self.packages / "sinetstream_sdk" / "template"

    def tool(self, name: str) -> Path:
        """A program of the shared environment."""
        return self.shared.parent / name

    def make(self, project: Project, folder: Path) -> Path:
        """Make a project in a new folder, as one who has cookiecutter and nothing else."""
        command = [self.tool("cookiecutter"), self.template, "--no-input", "--output-dir", folder]
        pairs = [f"{name}={value}" for name, value in project.answers().items()]
        config = folder / "cookiecutter.yml"
        config.write_text(f"replay_dir: {folder}\ncookiecutters_dir: {folder}\n", encoding="utf-8")
        run([*command, "--config-file", config, *pairs], folder)
        return folder / project.distribution

    def install(self, made: Path, venv: Path) -> Path:
        """Install a project from its folder into an environment of its own."""
        python = make_venv(venv)
        shared = site_packages(python) / "shared.pth"
        shared.write_text(f"{self.packages}\n", encoding="utf-8")
        pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-index"]
        run([*pip, "--no-build-isolation", "--editable", ".[test]"], made)
        return python

    def judge(self, made: Path, python: Path, roles: Iterable[str]) -> None:
        """Run the project's bare ``pytest``, which must find each role CONFORMANT STRICT."""
        output = run([python, "-m", "pytest", "-p", "no:cacheprovider"], made)
        if set(STRICT.findall(output)) != set(roles):
            raise StepFailed(f"not all of {', '.join(roles)} are CONFORMANT STRICT\n{output}")
        if not re.search(r"^tests/test_\w+\.py \.+", output, re.MULTILINE):
            raise StepFailed(f"the project's own tests did not run\n{output}")

    def lint(self, made: Path) -> None:
        """Check style and formatting."""
        run([self.tool("ruff"), "check", "--no-cache"], made)
        run([self.tool("ruff"), "format", "--check", "--diff", "--no-cache"], made)

    def check_types(self, made: Path, python: Path) -> None:
        """Check types with the project's own strict configuration."""
        cache = made.parent / "mypy"
        run([self.tool("mypy"), "--python-executable", python, "--cache-dir", cache], made)

    def build(self, made: Path) -> None:
        """Build both archives and check their metadata and what is in the wheel."""
        dist = made.parent / "dist"
        run([self.shared, "-m", "build", "--no-isolation", "--outdir", dist], made)
        run([self.tool("twine"), "check", "--strict", *sorted(dist.iterdir())], made)
        (wheel,) = dist.glob("*.whl")
        names = run([self.shared, "-m", "zipfile", "--list", wheel], made)
        for needed in ("/py.typed", "/plugin.py", "/entry_points.txt", "/licenses/LICENSE"):
            if needed not in names:
                raise StepFailed(f"{needed} is not in {wheel.name}:\n{names}")

    def run_under_host(self, made: Path, python: Path, project: Project) -> None:
        """Run a program of the published ``sinetstream`` that uses each role."""
        program = ROOT / "scripts" / "template_host.py"
        package = f"sinetstream_{project.type_name}"
        run([python, program, project.type_name, package, *project.roles], made)

    def try_out(self, project: Project) -> Result:
        """Make a project and take every step; the first that fails is the last."""
        result = Result(project)
        folder = self.folder / project.name
        folder.mkdir()
        made = folder / project.distribution
        python = folder / "venv" / "bin" / "python"
        steps: dict[str, Callable[[], object]] = {
            "make": lambda: self.make(project, folder),
            "install": lambda: self.install(made, folder / "venv"),
            "lint": lambda: self.lint(made),
            "types": lambda: self.check_types(made, python),
            "judge": lambda: self.judge(made, python, project.roles),
            "host": lambda: self.run_under_host(made, python, project),
            "build": lambda: self.build(made),
        }
        for name, step in steps.items():
            started = time.monotonic()
            try:
                step()
            except StepFailed as failed:
                result.failed, result.output = name, str(failed)
                break
            finally:
                result.seconds[name] = time.monotonic() - started
        return result

    def try_all(self, projects: Sequence[Project], workers: int = WORKERS) -> Iterator[Result]:
        """Try several at a time, and give each result when it is there."""
        with ThreadPoolExecutor(workers) as pool:
            for future in as_completed([pool.submit(self.try_out, each) for each in projects]):
                yield future.result()


# ---- telling of it


def line(result: Result) -> str:
    """One line of the table."""
    project = result.project
    roles = " ".join(role if role in project.roles else "-" * len(role) for role in ROLES)
    times = " ".join(f"{name} {seconds:.0f}" for name, seconds in result.seconds.items())
    verdict = f"FAILED: {result.failed}" if result.failed else "passed"
    names = f"{project.kind:10} {project.licence:12} {len(project.type_name):2}"
    return f"{roles} {names}  {verdict:16} {times}"


def main() -> int:
    """Try the projects that the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--sample", action="store_true", help="cover every pair of options")
    group.add_argument("--quick", action="store_true", help="one project of each kind")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="work there, and leave it")
    parser.add_argument("--workers", type=int, default=WORKERS, help="projects at a time")
    given = parser.parse_args()
    projects = (
        pairwise_sample()
        if given.sample
        else one_of_each_kind()
        if given.quick
        else every_project()
    )
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        started = time.monotonic()
        try:
            workshop = Workshop(folder.resolve())
        except CannotPrepare as problem:
            print(f"the shared environment cannot be made:\n{problem}", file=sys.stderr)
            return 3
        print(f"{len(projects)} projects, {given.workers} at a time", flush=True)
        results = []
        for result in workshop.try_all(projects, given.workers):
            results.append(result)
            print(line(result), flush=True)
            if result.failed:
                print(result.output, flush=True)
    failed = sum(bool(result.failed) for result in results)
    print("\n===== the template's matrix: roles, kind, licence, length of name, verdict, seconds")
    results.sort(key=lambda result: projects.index(result.project))
    print(*map(line, results), sep="\n")
    print(
        f"{len(results) - failed} passed, {failed} failed "
        f"({time.monotonic() - started:.0f} s in all)",
        flush=True,
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
