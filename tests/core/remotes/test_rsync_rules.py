"""What rsync takes by our rules is what our own patterns take: tried with rsync itself."""

import os
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from core.copying.patterns import BadPattern, Patterns, check_pattern
from core.remotes.rsync_rules import NotForRsync, as_bytes, literal, rules_for

ODD = (
    "a",
    "b",
    "ab",
    "a b",
    "*",
    "[x]",
    "a\\b",
    "é",
    "aé",
    "-",
    "!a",
    "#a",
    "a\nb",
    "日本",
    "b.o",
    "keep",
    "^",
    "]",
)
NAMES = st.sampled_from(ODD)
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
PIECES = st.sampled_from(
    [
        *ODD[:12],
        "*",
        "**",
        "?",
        "a?",
        "[ab]",
        "[!a]",
        "[^a]b",
        "a[!x]b",
        "[+-9]",
        "*.o",
        "a*",
        "\\*",
        "\\!a",
        "[é]",
        "[]a]",
        "[a",
    ]
)
LINES = st.builds(
    lambda sign, start, pieces, end: sign + start + "/".join(pieces) + end,
    st.sampled_from(["", "", "!"]),
    st.sampled_from(["", "", "/"]),
    st.lists(PIECES, min_size=1, max_size=3),
    st.sampled_from(["", "", "/", "/**", " ", "/*"]),
)


def is_pattern(line: str) -> bool:
    try:
        check_pattern(line)
    except BadPattern:
        return False
    return True


def make(root: Path, paths: list[str]) -> None:
    """Make the files, and as folders whatever is above them."""
    for path in paths:
        try:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            if not (root / path).is_dir():
                (root / path).write_bytes(b"")
        except (FileExistsError, NotADirectoryError):
            continue


def taken(root: Path, patterns: Patterns) -> set[str]:
    """Return what our own survey takes."""
    found = set()
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        for entry in os.scandir(root / folder):
            path = f"{folder}/{entry.name}" if folder else entry.name
            if patterns.leave_out(path, folder=entry.is_dir()):
                continue
            found.add(path)
            if entry.is_dir():
                waiting.append(path)
    return found


def copied(root: Path, destination: Path, lines: list[str]) -> set[str]:
    """Return what rsync takes."""
    rules = root.parent / "rules"
    rules.write_bytes(b"".join(as_bytes(rule) + b"\n" for rule in rules_for(lines)))
    argv = ["rsync", "-r", f"--filter=merge {rules}", "--", f"{root}/", str(destination)]
    subprocess.run(argv, check=True, timeout=30)
    return {str(path.relative_to(destination)) for path in destination.rglob("*")}


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(st.lists(PATHS, min_size=1, max_size=12), st.lists(LINES.filter(is_pattern), min_size=1, max_size=4))
@example(["keep/a.o", "a.o", "x/keep"], ["*.o", "!keep"])
@example(["foo/bar", "foo/baz", "x/foo/a"], ["foo", "!foo/", "/foo/b?r"])
@example(["a/b", "a/c/b", "a/c/d/b"], ["a/**/b"])
@example(["a/b/c", "b/c", "c"], ["*", "!*/", "!c"])
@example(["x/y", "xzy", "x"], ["x[!a]y"])
@example(["x/y", "xz"], ["x[!a]"])
@example(["日", "日本", "ab", "é"], ["??"])
@example(["a", "b/a", "b/c"], ["/**", "!/b/", "!a"])
def test_rsync_takes_exactly_what_the_patterns_take(paths, lines):
    with tempfile.TemporaryDirectory() as folder:
        root, destination = Path(folder, "source"), Path(folder, "destination")
        root.mkdir()
        destination.mkdir()
        make(root, paths)

        found = copied(root, destination, lines)

        assert found == taken(root, Patterns(lines))


def test_a_path_is_said_as_itself(tmp_path):
    odd = "a[b]*?\\c - é"
    (tmp_path / "source" / odd).mkdir(parents=True)
    (tmp_path / "source" / "other").mkdir()

    argv = ["rsync", "-r", f"--filter=- /{literal(odd)}", "--", f"{tmp_path}/source/", f"{tmp_path}/copy"]
    subprocess.run(argv, check=True, timeout=30)

    assert [path.name for path in (tmp_path / "copy").iterdir()] == ["other"]


def test_a_class_that_runs_backwards_is_no_pattern():
    with pytest.raises(BadPattern):
        check_pattern("[z-a]")


@pytest.mark.parametrize(
    ("line", "why"), [("a\tb", "control"), ("?????", "too many"), ("[!é]", "too many letters")]
)
def test_a_pattern_that_rsync_cannot_be_told_is_refused_in_words(line, why):
    with pytest.raises(NotForRsync, match=why):
        rules_for([line])
