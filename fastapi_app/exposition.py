"""Figures for Prometheus: of this process since it began, and how things stand now.

Labels are kinds and states, which are known beforehand: no name, path or person is ever among them.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from core.engines import ENGINES
from core.rollups import TOOK_BOUNDS, WAIT_BOUNDS, Histogram, KindTally
from core.service import Service
from core.states import RunState

__all__ = ["CONTENT_TYPE_LATEST", "Exposition"]

OTHER: Final = "other"
Family = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily


class Exposition(Collector):
    """Tells figures in the text that Prometheus reads."""

    def __init__(self, service: Service, version: str) -> None:
        self._service = service
        self._version = version
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def text(self) -> bytes:
        """Return everything."""
        return generate_latest(self._registry)

    def describe(self) -> list[Family]:
        """Return nothing: what there is to tell is known when it is asked for."""
        return []

    def collect(self) -> Iterator[Family]:
        """Give everything but what the process itself takes."""
        totals = self._service.metrics.totals()
        kinds = _known(totals.kinds)
        yield _info(self._version)
        yield from _ended(kinds)
        yield _took(kinds)
        yield _histogram(
            "holdfast_run_wait_seconds", "How long runs were due before they began", totals.wait, WAIT_BOUNDS
        )
        yield CounterMetricFamily(
            "holdfast_retries", "Attempts that followed a failed one", value=totals.retries
        )
        yield from self._now()

    def _now(self) -> Iterator[Family]:
        service = self._service
        load, day = service.dispatcher.load(), service.metrics.last_day()
        jobs = GaugeMetricFamily("holdfast_jobs", "Jobs by the state of their latest run", labels=["state"])
        counts = service.manager.counts()
        for state in (*RunState, "never"):
            jobs.add_metric([state], counts.get(state, 0))
        yield jobs
        gauges = {
            "holdfast_queue_depth": ("Runs that wait for a slot", load.waiting),
            "holdfast_slots": ("Runs that can be at work at once", load.slots),
            "holdfast_slots_busy": ("Runs that are at work", load.busy),
            "holdfast_dead_letters": (
                "Failed runs that nobody has seen to",
                service.manager.count_letters(),
            ),
            "holdfast_store_problems": (
                "Files of the store that need somebody",
                len(service.manager.problems),
            ),
            "holdfast_failure_ratio_24h": (
                "Which share of the runs of the last day failed",
                day.failure_rate or 0.0,
            ),
        }
        for name, (words, value) in gauges.items():
            yield GaugeMetricFamily(name, words, value=value)


def _known(kinds: Mapping[str, KindTally]) -> dict[str, KindTally]:
    """Return the kinds that there are; what a hand-written file calls otherwise is one."""
    found: dict[str, KindTally] = {}
    for name, kind in kinds.items():
        found.setdefault(name if name in ENGINES else OTHER, KindTally()).merge(kind)
    return found


def _info(version: str) -> Family:
    info = GaugeMetricFamily("holdfast_info", "The version that is running", labels=["version"])
    info.add_metric([version], 1)
    return info


def _ended(kinds: Mapping[str, KindTally]) -> Iterator[Family]:
    runs = CounterMetricFamily("holdfast_runs_ended", "Runs that are over", labels=["kind", "state"])
    moved = CounterMetricFamily("holdfast_moved_bytes", "Bytes that runs say they wrote", labels=["kind"])
    for name, kind in kinds.items():
        moved.add_metric([name], kind.bytes)
        for state, count in kind.ended.items():
            runs.add_metric([name, state], count)
    yield runs
    yield moved


def _took(kinds: Mapping[str, KindTally]) -> Family:
    took = HistogramMetricFamily(
        "holdfast_run_seconds", "How long engines were at work on runs that are over", labels=["kind"]
    )
    for name, kind in kinds.items():
        took.add_metric([name], _buckets(kind.took, TOOK_BOUNDS), kind.took.sum)
    return took


def _histogram(name: str, words: str, histogram: Histogram, bounds: tuple[float, ...]) -> Family:
    return HistogramMetricFamily(name, words, buckets=_buckets(histogram, bounds), sum_value=histogram.sum)


def _buckets(histogram: Histogram, bounds: tuple[float, ...]) -> list[tuple[str, float]]:
    """Return how many values are not above each bound."""
    counts = histogram.counts or [0] * (len(bounds) + 1)
    names = [*(str(float(bound)) for bound in bounds), "+Inf"]
    return [(name, sum(counts[: place + 1])) for place, name in enumerate(names)]
