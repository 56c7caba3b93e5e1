"""Every scenario of every spec has a test of that name."""

import ast
import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROMISED = ROOT / "openspec" / "specs"
TO_COME = ROOT / "openspec" / "changes"
ARCHIVE = TO_COME / "archive"
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
SCENARIO = re.compile(r"^#### Scenario: *(.+?) *$", re.MULTILINE)
REMOVED = re.compile(r"^## REMOVED Requirements.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
MODIFIED = re.compile(r"^## MODIFIED Requirements.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)


def spec_files() -> list[Path]:
    changing = [path for path in TO_COME.glob("*/specs/**/spec.md") if ARCHIVE not in path.parents]
    return sorted([*PROMISED.glob("**/spec.md"), *changing])


def titles_in(spec: str) -> list[str]:
    return SCENARIO.findall(REMOVED.sub("", spec))


def name_for(title: str) -> str:
    return "test_" + re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")


def written_in(source: str) -> set[str]:
    names = {node.name for node in ast.walk(ast.parse(source)) if isinstance(node, FUNCTIONS)}
    return {name for name in names if name.startswith("test_")}


@pytest.fixture(scope="module")
def scenarios() -> dict[str, list[str]]:
    """Where each title stands: title -> spec files."""
    found = defaultdict(list)
    for path in spec_files():
        for title in titles_in(path.read_text(encoding="utf-8")):
            found[title].append(str(path.relative_to(ROOT)))
    return dict(found)


@pytest.fixture(scope="module")
def written_tests() -> set[str]:
    files = (ROOT / "tests").rglob("test_*.py")
    return set().union(*(written_in(path.read_text(encoding="utf-8")) for path in files))


def test_every_scenario_has_a_test_of_its_name(scenarios, written_tests):
    missing = [
        f"{places[0]}: {title}\n    def {name_for(title)}"
        for title, places in scenarios.items()
        if name_for(title) not in written_tests
    ]

    assert scenarios, "No scenario was found; openspec/ has moved or is written in another form."
    assert not missing, "These scenarios have no test:\n" + "\n".join(missing)


def test_no_two_scenarios_share_a_test(scenarios):
    """A change that alters a requirement repeats its scenarios; a second promise must not."""
    names: Counter[str] = Counter()
    for path in spec_files():
        spec = MODIFIED.sub("", path.read_text(encoding="utf-8"))
        names.update(name_for(title) for title in titles_in(spec))
    shared = [
        f"{title} ({', '.join(places)})" for title, places in scenarios.items() if names[name_for(title)] > 1
    ]

    assert not shared, "These scenarios are told apart by nothing a test can be named after:\n" + "\n".join(
        shared
    )


def test_every_spec_has_scenarios():
    empty = [
        str(path.relative_to(ROOT))
        for path in spec_files()
        if not titles_in(path.read_text(encoding="utf-8"))
    ]

    assert not empty


@pytest.mark.parametrize(
    ("title", "name"),
    [
        (
            "A transient failure is tried again after a wait",
            "test_a_transient_failure_is_tried_again_after_a_wait",
        ),
        ("95 % sure: a sample", "test_95_sure_a_sample"),
        ("`kill -9` in mid-copy.", "test_kill_9_in_mid_copy"),
    ],
)
def test_a_title_becomes_a_name(title, name):
    assert name_for(title) == name


def test_a_removed_requirement_needs_no_test():
    spec = "## ADDED Requirements\n#### Scenario: Kept\n## REMOVED Requirements\n#### Scenario: Gone\n"

    assert titles_in(spec) == ["Kept"]


def test_tests_are_found_inside_classes_and_among_other_functions():
    source = "class TestIt:\n    async def test_one(self): ...\n\ndef helper(): ...\n\ndef test_two(): ...\n"

    assert written_in(source) == {"test_one", "test_two"}
