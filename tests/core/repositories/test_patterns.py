"""What patterns leave out for restic is what they leave out for the survey of a proof: asked of restic itself."""

import json
import os
import random
import subprocess

import pytest

from core.copying.patterns import Patterns
from core.repositories.leaving_out import LeavingOut, left_out, main, read_list
from core.repositories.omissions import as_pattern
from core.repositories.patterns import CannotSay, lines_for, literal_line
from tests.servers import REPOSITORY_PASSWORD, a_repository

NAMES = (
    "a",
    "b",
    "foo",
    "foo.txt",
    "x.tmp",
    "a b",
    " a",
    "b ",
    "[a]",
    "a*b",
    "$HOME",
    "\\x",
    "é",
    "#a",
    "!a",
    "aXb",
)
PATTERNS = (
    *(
        "foo",
        "*.tmp",
        "/a",
        "a/",
        "/foo/",
        "a/b",
        "foo/*",
        "a/**",
        "**/foo",
        "a/**/b",
        "**/a/**/foo",
        "/a/*/foo",
    ),
    *(
        "?",
        "[ab]",
        "[a-f]oo",
        "*/b",
        "\\[a\\]",
        "a\\*b",
        "$HOME",
        "\\#a",
        "\\!a",
        "\\ a",
        "b\\ ",
        "\\\\x",
        "é",
        "a b",
    ),
    *("**/b/", "/**/foo/*", "a/**/**/b", "*.t??", "/[f]*", "foo.txt/", "**/foo/**", "b/**/"),
)
ALL = (
    "*",
    "**",
    "*/",
    "**/",
    "/*",
    "/**",
    "!a",
    "a//b",
    "./a",
    "a/../b",
    "[!a]",
    "[^a]x",
    "***",
    "/",
    "[a",
)


def a_tree(root, seed, names=NAMES):
    """Make a tree of files three folders deep, in which every name is a file somewhere and a folder elsewhere."""
    chance = random.Random(seed)
    root.mkdir(parents=True)
    folders = [root]
    for depth in range(3):
        inner = []
        for folder in folders:
            for name in chance.sample(names, 5):
                if depth < 2 and chance.random() < 0.5:
                    inner.append(folder / name)
                    inner[-1].mkdir()
                else:
                    (folder / name).write_text("x")
        folders = inner
    return root


def surveyed(root, patterns):
    """Return the files that a survey takes."""
    found, chosen = set(), Patterns(patterns)
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        for entry in os.scandir(root / folder):
            path = f"{folder}/{entry.name}" if folder else entry.name
            is_folder = entry.is_dir(follow_symlinks=False)
            if not chosen.leave_out(path, folder=is_folder):
                waiting += [path] if is_folder else []
                found |= set() if is_folder else {path}
    return found


class Restic:
    """A restic that is asked what it would take."""

    def __init__(self, folder):
        self.folder = folder
        self.repository = a_repository(folder / "repository")
        (folder / "password").write_text(REPOSITORY_PASSWORD)

    def takes(self, root, lines):
        """Return the files of a folder that it would back up when it is told these lines."""
        excludes = self.folder / "excludes"
        excludes.write_bytes(os.fsencode("".join(f"{line}\n" for line in lines)))
        argv = [
            "restic",
            "-r",
            self.repository,
            "-p",
            self.folder / "password",
            "--no-cache",
            "backup",
            "--dry-run",
        ]
        argv += ["--json", "-vv", f"--exclude-file={excludes}", "--", root]
        environment = {"PATH": os.environ["PATH"], "HOME": "/home/of/somebody", "a": "variable"}
        done = subprocess.run(argv, capture_output=True, check=True, env=environment)
        items = [json.loads(line).get("item", "") for line in done.stdout.splitlines()]
        return {item.removeprefix(f"{root}/") for item in items if item and not item.endswith("/")}


@pytest.fixture
def restic(tmp_path):
    return Restic(tmp_path)


def said(root, patterns):
    try:
        return lines_for(root, patterns)
    except CannotSay:
        found = left_out(LeavingOut(source=str(root), patterns=tuple(patterns)))
        return tuple(literal_line(f"{root}/{path}") for path in found)


@pytest.mark.parametrize("seed", range(5))
def test_restic_takes_what_the_survey_takes_whatever_the_patterns_say(restic, tmp_path, seed):
    chance = random.Random(seed)
    root = a_tree(tmp_path / "sour*ce [x]" / "foo", seed)
    patterns = chance.sample(PATTERNS + ALL, 2) if seed % 3 == 0 else chance.sample(PATTERNS, 4)

    taken = restic.takes(root, said(root, patterns))

    assert taken == surveyed(root, patterns), patterns


def test_each_pattern_alone_means_the_same(restic, tmp_path):
    every = {f"t{number}": pattern for number, pattern in enumerate((*PATTERNS, *ALL))}
    whole = tmp_path / "source"
    lines = []
    for name, pattern in every.items():
        root = a_tree(whole / name, 7)
        stars = "/" + "*/" * (
            len(root.parts) - 1
        )  # each tree is told by its own path, so all are asked at once
        found = said(root, [pattern])
        lines += [f"{root}/{line.removeprefix(stars)}" if line.startswith(stars) else line for line in found]

    taken = restic.takes(whole, lines)

    for name, pattern in every.items():
        mine = {path.removeprefix(f"{name}/") for path in taken if path.startswith(f"{name}/")}
        assert mine == surveyed(whole / name, [pattern]), pattern


@pytest.mark.parametrize(
    ("pattern", "again"), [("*.tmp", "x.tmp"), ("foo/", "foo/a"), ("a", "/a"), ("*", "/foo")]
)
def test_what_is_taken_back_in_is_taken(restic, tmp_path, pattern, again):
    root = a_tree(tmp_path / "source", 3)

    with pytest.raises(CannotSay):
        lines_for(root, [pattern, f"!{again}"])

    assert restic.takes(root, said(root, [pattern, f"!{again}"])) == surveyed(root, [pattern, f"!{again}"])


def test_a_listed_path_of_any_letters_is_left_out_and_nothing_else(restic, tmp_path):
    root = a_tree(tmp_path / "source", 5, names=(*NAMES, os.fsdecode(b"\xff\xfe"), "t\tab ", "nbsp\u00a0"))
    files = sorted(surveyed(root, []))
    some = files[::3]

    taken = restic.takes(root, [literal_line(f"{root}/{path}") for path in some])

    readable = {path for path in files if path.isprintable() and path not in some}
    assert readable <= taken
    assert not taken & set(some)


def test_caches_and_other_disks_are_listed(tmp_path):
    (tmp_path / "source" / "c").mkdir(parents=True)
    (tmp_path / "source" / "d").mkdir()
    (tmp_path / "source" / "c" / "CACHEDIR.TAG").write_text("Signature: 8a477f597d28d172789f06886806bc55\n")
    (tmp_path / "source" / "d" / "CACHEDIR.TAG").write_text("Signature: something else")

    assert list(left_out(LeavingOut(source=str(tmp_path / "source"), caches=True))) == ["c"]
    assert "sys" in set(left_out(LeavingOut(source="/", other_disks=True, patterns=("/[!sp]*", "/s[!y]*"))))


def test_the_list_is_kept_whole_and_bounded(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    for number in range(5_001):
        (source / f"{number}.tmp").touch()
    wishes = tmp_path / "wishes"
    wishes.write_text(json.dumps({"source": str(source), "patterns": ["*.tmp"]}))

    with pytest.raises(SystemExit) as ended:
        main([str(wishes), str(tmp_path / "out")])
    (source / "0.tmp").unlink()
    main([str(wishes), str(tmp_path / "out")])

    assert ended.value.code == 5
    assert len(read_list(tmp_path / "out")) == 5_000


@pytest.mark.parametrize("name", ["a", "a b ", "*", "[x]", "!a", "#a", "\\", "é", "a/b c/*"])
def test_a_path_as_a_pattern_matches_itself_alone(name):
    chosen = Patterns([as_pattern(name)])

    assert chosen.leave_out(name, folder=True)
    assert not chosen.leave_out(f"x/{name}", folder=True)
    assert not chosen.leave_out("zzz", folder=True)
