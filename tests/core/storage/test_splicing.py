"""A person's text after a change elsewhere: theirs, with the new values in it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from core.models import ONCE, Missed, Priority, Retry, Schedule, frozen
from core.storage.definitions import definition_from, same, text_of_definition
from core.storage.merging import in_words
from core.storage.splicing import text_after
from tests.core.storage.test_definitions import DEFINITIONS

THEIRS = """\
# The photos of all years.
kind: copy
name: Photos   # as the list shows it

# where from, and where to
options:
  source: /srv/photos  # the old disk
  destination: '/mnt/b'
  exclude:
    - "*.tmp"    # left by the editor
    # and what the scanner leaves
    - cache
  limits: {rate: 5, at: [1, 2]}
  note: |
    first line
    second line

priority: normal
tags: [photos, big]  # two

# the end
"""

OPTIONS = definition_from(THEIRS.encode()).options


def changed(**fields):
    return replace(definition_from(THEIRS.encode()), **fields)


def options(**fields):
    return frozen({**OPTIONS, **fields})


def test_comments_and_order_stay_when_a_job_is_changed_in_the_browser():
    wanted = changed(priority=Priority.HIGH, options=options(source="/srv/new: photos"))

    text = text_after(THEIRS.encode(), wanted).decode()

    expected = THEIRS.replace("priority: normal", "priority: high")
    assert text == expected.replace("/srv/photos ", '"/srv/new: photos" ')


@pytest.mark.parametrize(
    ("wanted", "before", "after"),
    [
        pytest.param(
            changed(id="3f2a-1"), "kind: copy", 'id: "3f2a-1"\nkind: copy', id="an id comes first",
        ),
        pytest.param(
            changed(owner="ana"), "  # two\n", "  # two\nowner: ana\n", id="what is new comes last",
        ),
        pytest.param(
            changed(options=options(verify=True)),
            "    second line\n", "    second line\n  verify: true\n", id="an option more",
        ),
        pytest.param(
            changed(options=options(exclude=["*.tmp", "cache", "new"])),
            "    - cache\n", "    - cache\n    - new\n", id="an item more",
        ),
        pytest.param(
            changed(options=options(exclude=["*.tmp"])),
            "    - cache\n", "", id="an item less",
        ),
        pytest.param(
            changed(options=options(exclude=["*.tmp", "new", "cache"])),
            "    - cache\n", "    - new\n    - cache\n", id="an item between",
        ),
        pytest.param(
            changed(options=options(exclude=["*.bak", "cache"])),
            '"*.tmp" ', '"*.bak" ', id="an item changed",
        ),
        pytest.param(
            changed(options=options(note="short")),
            "|\n    first line\n    second line", "short", id="lines become a word",
        ),
        pytest.param(
            changed(options=options(limits={"rate": 6, "at": [1, 2]})),
            "{rate: 5, at: [1, 2]}", '{"rate":6,"at":[1,2]}', id="within braces",
        ),
        pytest.param(
            changed(options=options(source={"host": "nas", "path": "/p"})),
            "source: /srv/photos ", 'source: {"host":"nas","path":"/p"} ', id="a word becomes a mapping",
        ),
        pytest.param(changed(tags=()), "[photos, big]", "[]", id="an emptied list"),
        pytest.param(
            changed(options=frozen({key: value for key, value in OPTIONS.items() if key != "note"})),
            "  note: |\n    first line\n    second line\n", "", id="an option less",
        ),
    ],
)  # fmt: skip
def test_only_what_changed_is_replaced(wanted, before, after):
    text = text_after(THEIRS.encode(), wanted).decode()

    assert text == THEIRS.replace(before, after)
    assert same(definition_from(text.encode()), wanted)


def test_the_ends_of_lines_and_the_mark_at_the_beginning_stay():
    theirs = b"\xef\xbb\xbf" + THEIRS.replace("\n", "\r\n").encode()

    text = text_after(theirs, changed(owner="ana", priority=Priority.LOW))

    assert text.startswith(b"\xef\xbb\xbf# The photos")
    assert text.count(b"\n") == text.count(b"\r\n") == THEIRS.count("\n") + 1


def test_what_an_older_holdfast_wrote_beside_it_goes_with_the_first_change():
    older = f"{THEIRS}version: 3\ncreated_at: 2026-11-21T07:42:00Z\n".encode()

    text = text_after(older, changed(owner="ana")).decode()

    assert text == f"{THEIRS}owner: ana\n"


def test_a_text_as_holdfast_writes_it_is_written_as_holdfast_writes_it():
    before = changed()

    text = text_after(text_of_definition(before), changed(tags=("one", "two")))

    assert text == text_of_definition(changed(tags=("one", "two")))


@pytest.mark.parametrize(
    "theirs",
    [
        "? name\n: Photos\n? kind\n: copy # why not\n",
        "{name: Photos, kind: copy} # all on one line\n",
        "name:\n  Photos\nkind:\n  # between\n  copy\noptions:\n  list:\n  - # first\n    a-b\n  -\n",
        "name: >-\n  Photos\n  of all\nkind: 'copy'\noptions: # none\n  {}\n",
        '"name": "Photos" #1\n"kind": copy\n...\n# after\n',
        "--- # begins\nname: Photos\nkind: copy",
    ],
)
@settings(max_examples=30)
@given(wanted=DEFINITIONS)
def test_whatever_the_layout_the_values_are_exactly_those_of_the_job(theirs, wanted):
    text = text_after(theirs.encode(), wanted)

    assert same(definition_from(text), wanted)


@settings(max_examples=50)
@given(wanted=DEFINITIONS, data=st.data())
def test_no_comment_outside_of_what_changed_is_lost(wanted, data):
    lines = text_of_definition(wanted).decode().splitlines()
    tops = [number for number, line in enumerate(lines) if line[:1].isalpha()]
    for number in reversed(tops):
        lines.insert(number, f"# about line {number}")
    theirs = "\n".join([*lines, "# at the end", ""]).encode()
    field = data.draw(st.sampled_from(["priority", "owner", "enabled"]))
    new = {"priority": Priority.CRITICAL, "owner": "someone else", "enabled": not wanted.enabled}[field]

    text = text_after(theirs, replace(wanted, **{field: new})).decode()

    assert text.count("# about line") == len(tops)
    assert text.endswith("# at the end\n")
    assert same(definition_from(text.encode()), replace(wanted, **{field: new}))


def test_a_schedule_and_retries_go_into_a_persons_text_and_out_again():
    wished = changed(
        schedule=Schedule(cron="0 2 * * *", missed=Missed.ALL), retry=Retry(max_attempts=3), after=("b", "c")
    )

    text = text_after(THEIRS.encode(), wished)
    later = text_after(text, replace(wished, schedule=Schedule(cron="0 3 * * *"), retry=ONCE, after=()))
    back = text_after(later, changed())

    assert same(definition_from(text), wished)
    assert 'schedule:\n  cron: "0 2 * * *"\n  missed: all\n' in text.decode()
    assert 'schedule:\n  cron: "0 3 * * *"\n' in later.decode()
    assert "retry" not in later.decode()
    assert back.decode() == THEIRS


def test_what_is_wished_is_told_in_a_few_words_where_two_changed_it():
    assert in_words(Schedule(cron="0 2 * * *", missed=Missed.ALL)) == "{cron: 0 2 * * *, missed: all}"
    assert in_words(ONCE) == "{}"
