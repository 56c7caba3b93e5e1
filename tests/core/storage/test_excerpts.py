"""The line that a problem is about."""

import pytest

from core.storage.base import Problem
from core.storage.excerpts import line_of


@pytest.fixture
def data(tmp_path):
    (tmp_path / "data" / "jobs").mkdir(parents=True)
    (tmp_path / "data" / "jobs" / "a.yaml").write_bytes(
        b"id: 1\nname: [\n\xff\xfe\n" + b"x" * 300 + b"!" + b"x" * 300
    )
    (tmp_path / "secret").write_text("secret\n")
    return tmp_path / "data"


def problem(line, path="jobs/a.yaml", column=None):
    return Problem(path=path, message="It is wrong.", line=line, column=column)


@pytest.mark.parametrize(("line", "text"), [(1, "id: 1"), (2, "name: ["), (3, "��"), (9, ""), (None, "")])
def test_the_line_named_is_shown_as_it_stands(data, line, text):
    assert line_of(data, problem(line)) == text


def test_a_long_line_is_cut_around_the_place(data):
    shown = line_of(data, problem(4, column=301))

    assert "!" in shown
    assert (shown[0], shown[-1], len(shown)) == ("…", "…", 202)


@pytest.mark.parametrize("path", ["../secret", "/etc/hostname", "jobs", "jobs/none.yaml"])
def test_nothing_outside_of_the_data_folder_is_shown(data, path):
    assert line_of(data, problem(1, path=path)) == ""
