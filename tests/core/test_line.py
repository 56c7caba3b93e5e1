"""The order in which runs begin, against a model that looks at all of them every time."""

from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from core.breakers import Breaker, BreakerState
from core.line import Line
from core.models import Priority
from core.queueing import Busy, Pause, Reason, Rules, Scope, holds, level, limited, paused, resumed
from tests.builders import WHEN, a_place

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def taken(line, now=WHEN):
    """Return the ids of all that may begin now."""
    found = []
    while (place := line.take(now)) is not None:
        found.append(place.run_id)
    return found


def held(line, run_id):
    """Return what holds a run back that is in line."""
    holdup = line.holdup(run_id, WHEN)
    assert holdup is not None
    return holdup


def in_turn(line, now=WHEN):
    """Return the ids of all that begin, one after the other."""
    found = []
    while (place := line.take(now)) is not None:
        found.append(place.run_id)
        line.freed(place.run_id)
    return found


def a_line(*places, slots=10, rules=None):
    line = Line(slots, rules)
    for place in places:
        line.add(place)
    return line


def test_the_oldest_goes_first_within_a_priority():
    line = a_line(
        a_place("younger", since=WHEN),
        a_place("low", since=WHEN - MINUTE * 50, priority=Priority.LOW),
        a_place("older", since=WHEN - MINUTE),
        a_place("high", since=WHEN + MINUTE, priority=Priority.HIGH),
    )

    assert in_turn(line, WHEN + 2 * MINUTE) == ["high", "older", "younger", "low"]


def test_a_low_run_that_waited_long_goes_before_newer_ones_of_every_priority():
    low = a_place("low", priority=Priority.LOW, since=WHEN - 3 * HOUR)
    line = a_line(*(a_place(str(number), priority=Priority.CRITICAL) for number in range(20)), low)

    assert in_turn(line)[0] == "low"


def test_time_mixes_no_levels_before_it_lifts():
    low = a_place("low", priority=Priority.LOW, since=WHEN - HOUR + timedelta(seconds=1))
    line = a_line(low, a_place("normal"))

    assert in_turn(line) == ["normal", "low"]


def test_of_a_group_one_run_at_a_time_begins():
    line = a_line(
        a_place("first", groups=("nas-02",)),
        a_place("second", groups=("nas-02",), number=2),
        a_place("elsewhere", number=3),
    )

    begun = taken(line)
    line.freed("first")

    assert begun == ["first", "elsewhere"]
    assert taken(line) == ["second"]


def test_a_kind_begins_no_more_than_its_limit():
    rules = limited(Rules(), Scope.KIND, "copy", 2)
    line = a_line(*(a_place(str(number)) for number in range(5)), a_place("other", kind="rsync"), rules=rules)

    assert taken(line) == ["0", "1", "other"]


def test_fewer_runs_at_work_than_slots_where_that_is_asked():
    line = a_line(*(a_place(str(number)) for number in range(5)), rules=limited(Rules(), Scope.QUEUE, "", 2))

    assert taken(line) == ["0", "1"]


def test_two_runs_of_a_job_never_begin_together():
    line = a_line(a_place("first", job_id="same"), a_place("second", job_id="same", number=2))

    begun = taken(line)
    line.freed("first")

    assert begun == ["first"]
    assert taken(line) == ["second"]


def test_a_run_that_needs_two_groups_gets_them_in_the_end():
    both = a_place("both", groups=("one", "two"), since=WHEN - HOUR)
    line = a_line(a_place("busy", groups=("one",), since=WHEN - 2 * HOUR), slots=3)
    assert taken(line) == ["busy"]
    for place in (both, a_place("of one", groups=("one",)), a_place("of two", groups=("two",))):
        line.add(place)

    kept_free = taken(line)
    line.freed("busy")

    assert kept_free == []
    assert taken(line) == ["both"]


def test_a_half_open_breaker_offers_one_run():
    breaker = Breaker(failures=3, opened=1, opened_at=WHEN - HOUR, until=WHEN - MINUTE)
    line = a_line(*(a_place(str(number), reaches=("nas",)) for number in range(3)))
    line.govern(Rules(breakers={"nas": breaker}))

    begun = taken(line)
    line.freed("0")

    assert begun == ["0"]
    assert taken(line) == ["1"]


def test_a_run_that_began_before_the_breaker_opened_does_not_stand_in_for_the_probe():
    line = a_line(a_place("long", reaches=("nas",)), slots=3)
    taken(line)
    breaker = Breaker(failures=3, opened=1, opened_at=WHEN, until=WHEN + MINUTE)
    line.govern(Rules(breakers={"nas": breaker}))
    line.add(a_place("probe", reaches=("nas",)))
    line.add(a_place("other", reaches=("nas",), number=2))

    while_open = taken(line)

    assert while_open == []
    assert line.wakes_at(WHEN) == WHEN + MINUTE
    assert taken(line, WHEN + MINUTE) == ["probe"]


def test_an_adopted_run_goes_first_and_cannot_be_withdrawn():
    line = a_line(a_place("new", priority=Priority.CRITICAL), a_place("adopted", adopted=True))

    line.remove("adopted")
    line.remove("new")

    assert taken(line) == ["adopted"]


def test_a_new_place_replaces_the_old_one():
    line = a_line(a_place("one"), a_place("two", number=2))

    line.add(a_place("two", number=2, priority=Priority.HIGH))

    assert in_turn(line) == ["two", "one"]


def test_ten_thousand_that_share_what_could_hold_them_stand_in_one_lane():
    line = a_line(*(a_place(str(number), number=number + 1) for number in range(10_000)))

    assert taken(line)[0] == "0"
    assert len(line._lanes) == 1


def test_ten_thousand_runs_of_paused_jobs_are_looked_at_once():
    paused_job = Pause(at=WHEN)
    rules = Rules(pauses={f"job/{number}": paused_job for number in range(10_000)})
    line = a_line(*(a_place(str(number), job_id=str(number)) for number in range(10_000)), rules=rules)

    assert line.take(WHEN) is None
    assert sum(map(len, line._lanes.values())) == 0
    assert held(line, "9999").reason == Reason.PAUSED


def test_the_position_counts_only_those_that_could_begin_before_it():
    rules = paused(Rules(), Scope.KIND, "rsync", Pause(at=WHEN))
    line = a_line(
        a_place("at work"),
        a_place("held", kind="rsync", priority=Priority.CRITICAL),
        a_place("high", priority=Priority.HIGH),
        a_place("older", number=2),
        a_place("mine", number=3),
        slots=1,
        rules=rules,
    )
    line.add(a_place("at work", priority=Priority.CRITICAL))
    line.take(WHEN)

    mine = held(line, "mine")

    assert (mine.reason, mine.position, mine.above, mine.by) == (Reason.SLOTS, 3, 1, ("at work",))


def test_who_waits_for_a_group_goes_before_who_waits_for_the_slot_that_becomes_free_with_it():
    line = a_line(
        a_place("at work", groups=("nas-02",)),
        a_place("in group", groups=("nas-02",), number=2),
        a_place("elsewhere", number=3),
        slots=1,
    )
    line.take(WHEN)

    grouped, elsewhere = held(line, "in group"), held(line, "elsewhere")

    assert (grouped.reason, grouped.position, grouped.ahead) == (Reason.LIMIT, 1, 0)
    assert (elsewhere.reason, elsewhere.position, elsewhere.ahead) == (Reason.SLOTS, 2, 1)


def test_a_job_whose_pause_is_over_begins_though_nothing_else_is_in_line():
    rules = paused(Rules(), Scope.JOB, "job of one", Pause(at=WHEN, until=WHEN + MINUTE))
    line = a_line(a_place("one"), rules=rules)

    before = taken(line)

    assert before == []
    assert taken(line, WHEN + MINUTE) == ["one"]


def test_what_waits_for_a_group_is_told_its_position_there():
    line = a_line(*(a_place(name, groups=("nas-02",), number=at) for at, name in enumerate("abc", start=1)))
    line.take(WHEN)

    holdup = held(line, "c")

    assert (holdup.reason, holdup.scope, holdup.name) == (Reason.LIMIT, Scope.GROUP, "nas-02")
    assert (holdup.position, holdup.most, holdup.by) == (2, 1, ("a",))


def test_a_run_that_is_not_in_line_is_held_by_nothing_there():
    line = a_line(a_place("one"))
    line.take(WHEN)

    assert line.holdup("one", WHEN) is None
    assert line.holdup("unknown", WHEN) is None


# Against a model

PLACES = st.builds(
    a_place,
    run_id=st.integers(0, 30).map(str),
    job_id=st.integers(0, 12).map(lambda number: f"job {number}"),
    kind=st.sampled_from(["copy", "rsync"]),
    priority=st.sampled_from(Priority),
    since=st.integers(-300, 0).map(lambda minutes: WHEN + minutes * MINUTE),
    number=st.integers(1, 9),
    groups=st.lists(st.sampled_from(["one", "two"]), unique=True, max_size=2).map(tuple),
    reaches=st.lists(st.sampled_from(["nas", "cloud"]), unique=True, max_size=1).map(tuple),
)
SCOPES = st.sampled_from(
    [
        (Scope.QUEUE, ""),
        (Scope.KIND, "copy"),
        (Scope.JOB, "job 1"),
        (Scope.JOB, "job 2"),
        (Scope.GROUP, "one"),
    ]
)


class LineAgainstAModel(RuleBasedStateMachine):
    """What the line offers is what looking at every run would offer."""

    @initialize()
    def begin(self):
        self.now = WHEN
        self.said = Rules()
        self.line = Line(3)
        self.waiting, self.again, self.busy = {}, {}, {}
        self.probe = None

    @rule(place=PLACES)
    def add(self, place):
        self.line.add(place)
        known = self.busy if place.run_id in self.busy else self.waiting
        target = self.again if known is self.busy else self.waiting
        target[place.run_id] = place

    @rule(run_id=st.integers(0, 30).map(str))
    def remove(self, run_id):
        self.line.remove(run_id)
        self.waiting.pop(run_id, None)
        self.again.pop(run_id, None)

    @precondition(lambda self: self.busy)
    @rule(data=st.data())
    def free(self, data):
        run_id = data.draw(st.sampled_from(sorted(self.busy)))
        self.line.freed(run_id)
        del self.busy[run_id]
        self.probe = None if self.probe == run_id else self.probe
        if run_id in self.again:
            self.waiting[run_id] = self.again.pop(run_id)

    @rule(minutes=st.integers(1, 90))
    def pass_by(self, minutes):
        self.now += minutes * MINUTE

    @rule(scope=SCOPES, until=st.none() | st.integers(1, 120))
    def pause(self, scope: tuple[Scope, str], until: int | None) -> None:
        at = None if until is None else self.now + until * MINUTE
        self.govern(paused(self.said, *scope, Pause(at=self.now, until=at)))

    @rule(scope=SCOPES)
    def resume(self, scope):
        self.govern(resumed(self.said, *scope))

    @rule(scope=SCOPES.filter(lambda scope: scope[0] is not Scope.JOB), most=st.none() | st.integers(1, 3))
    def limit(self, scope: tuple[Scope, str], most: int | None) -> None:
        self.govern(limited(self.said, *scope, most))

    @rule(minutes=st.integers(1, 60))
    def open_a_breaker(self, minutes):
        nas = Breaker(failures=3, opened=1, opened_at=self.now, until=self.now + minutes * MINUTE)
        self.probe = None
        self.govern(Rules(pauses=self.said.pauses, most=self.said.most, breakers={"nas": nas}))

    def govern(self, rules):
        self.said = rules
        self.line.govern(rules)

    @rule()
    def take(self):
        expected = self.expected()

        place = self.line.take(self.now)

        assert (place and place.run_id) in expected
        if place is not None:
            assert place == self.waiting.pop(place.run_id)
            self.busy[place.run_id] = place
            if "nas" in place.reaches and self.is_half_open():
                self.probe = place.run_id

    def is_half_open(self):
        nas = self.said.breakers.get("nas", Breaker())
        return nas.state(self.now) == BreakerState.HALF_OPEN

    def expected(self):
        """Return who may be first: several only where nothing tells them apart."""
        if len(self.busy) >= 3:
            return {None}
        busy, reserved = Busy(self.busy.values()), set()
        for place in sorted(self.waiting.values(), key=self.order):
            shared = {f"group/{name}" for name in place.groups}
            if self.said.limit(Scope.KIND, place.kind) is not None:
                shared.add(f"kind/{place.kind}")
            if shared & reserved or self.is_probed(place):
                continue
            holdup = holds(self.said, place, busy, self.now)
            if holdup is None:
                return {
                    other.run_id for other in self.waiting.values() if self.order(other) == self.order(place)
                }
            if holdup.reason is Reason.LIMIT and self.now - place.since >= HOUR:
                reserved |= shared
        return {None}

    def is_probed(self, place):
        return "nas" in place.reaches and self.probe in self.busy and self.is_half_open()

    def order(self, place):
        return -level(place, self.now), place.since, place.number

    @invariant()
    def nobody_is_lost(self):
        assert len(self.line) == len(self.waiting) + len(self.again)
        assert self.line.busy == len(self.busy)

    @invariant()
    def everybody_in_line_has_a_reason(self):
        standings = self.line.places(self.now)
        assert {one.place.run_id for one in standings} == {*self.waiting, *self.again}


TestLineAgainstAModel = LineAgainstAModel.TestCase
TestLineAgainstAModel.settings = settings(max_examples=50, stateful_step_count=30, deadline=None)
