"""Our patterns as rclone's rules: both take the same files of the same tree."""

import os
import random
import subprocess
from pathlib import Path

import pytest

from core.copying.patterns import BadPattern, Patterns, lines_for
from core.remotes.rclone_filters import rules_for
from core.remotes.rclone_names import as_is, as_said

NAMES = [
    "a", "b", "ab", "a b", "build", "x.tmp", "y.tmp", ".git", "a\nb", "␊", "a[b]", "{x}", "c*d", "#h", "é", "-x",
    "+y", "q}}r", "t\t", "A", "dxd",
]  # fmt: skip
PARTS = [
    "a", "b", "*", "**", "?", "x.tmp", "*.tmp", "build", ".git", "[ab]", "[!a]", "a*", "c\\*d", "a\\[b\\]", "{x}",
    "é", "a b", "\\#h", "[a-c]b", "d?d", "q}}r", "\u201b", "a?b", "*b*", "[^b]", "[]a]", "t\t", "*[[:alpha:]]",
]  # fmt: skip


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """Make a tree of odd names, in which every name is a folder somewhere and a file elsewhere."""
    root, chance = tmp_path_factory.mktemp("tree"), random.Random(7)
    for _ in range(250):
        folder = root.joinpath(*(chance.choice(NAMES) for _ in range(chance.randrange(4))))
        if all(not above.is_file() for above in [folder, *folder.parents]):
            folder.mkdir(parents=True, exist_ok=True)
            file = folder / chance.choice(NAMES)
            if not file.is_dir():
                file.touch()
    return root


def taken_by_us(root: Path, lines: tuple[str, ...]) -> set[bytes]:
    patterns, found = Patterns(lines), set()

    def look_into(folder: Path, above: str) -> None:
        for entry in os.scandir(folder):
            path = above + entry.name
            if entry.is_dir():
                if not patterns.leave_out(path, folder=True):
                    look_into(Path(entry.path), path + "/")
            elif not patterns.leave_out(path, folder=False):
                found.add(os.fsencode(path))

    look_into(root, "")
    return found


def taken_by_rclone(root: Path, rules: tuple[str, ...], room: Path) -> set[bytes]:
    (room / "rules").write_text("\n".join(rules) + "\n")
    argv = ["rclone", "--config", "", "lsf", "-R", "--files-only", "--filter-from", str(room / "rules")]
    done = subprocess.run([*argv, "--", str(root)], capture_output=True, check=True)
    return {as_is(line) for line in done.stdout.split(b"\n") if line}


def a_pattern(chance: random.Random) -> str:
    text = "/".join(chance.choice(PARTS) for _ in range(chance.randint(1, 3)))
    return ("/" if chance.random() < 0.3 else "") + text + ("/" if chance.random() < 0.3 else "")


@pytest.mark.filterwarnings("ignore:Possible nested set")
@pytest.mark.parametrize("seed", range(25))
def test_rclone_takes_what_our_own_patterns_take(seed, tree, tmp_path):
    chance = random.Random(seed)
    lines = lines_for(
        [a_pattern(chance) for _ in range(chance.randint(0, 4))],
        [a_pattern(chance) for _ in range(chance.randint(0, 3))],
    )

    try:
        ours = taken_by_us(tree, lines)
    except BadPattern:
        ours = taken_by_us(tree, lines := ("a",))

    assert taken_by_rclone(tree, rules_for(lines), tmp_path) == ours


def test_what_is_left_out_by_its_path_is_left_out_whatever_letters_it_has(tmp_path):
    for name in ("own (data) [1]", "own"):
        (tmp_path / "tree" / "x" / name).mkdir(parents=True)
        (tmp_path / "tree" / "x" / name / "file").touch()

    taken = taken_by_rclone(tmp_path / "tree", rules_for(["!file"], ["x/own (data) [1]"]), tmp_path)

    assert taken == {b"x/own/file"}


def test_names_are_said_in_one_line_and_come_back_as_they_were():
    names = [name.encode() for name in NAMES] + [
        b"\xff\xfe",
        "\u201b␊".encode(),
        "\uff0e/\uff0e\uff0e".encode(),
        b"a\nb/c\x7f",
    ]

    said = [as_said(name) for name in names]

    assert [as_is(one) for one in said] == names
    assert not any(byte < 0x20 or byte == 0x7F for one in said for byte in one)
    assert len(set(said)) == len(names)
