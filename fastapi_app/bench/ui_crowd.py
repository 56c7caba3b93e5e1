"""What a thousand open pages cost the server, beside a bare one that sends the same frames."""

import asyncio
import statistics
import time
from pathlib import Path
from typing import Any, Final

from core.bench.rows import Beside, Row, at_most
from fastapi_app.bench.crowd import Place, Told, crowd, crowded, joined

VIEWERS: Final = 1_000
BATCHES: Final = 15
STALLED: Final = 40
CUT: Final = 500
KB: Final = 1_024
MB: Final = 1_048_576
PATIENCE: Final = 60.0
SETTLED: Final = 1.0
CPU_MS: Final = 25
CPU_TIMES: Final = 1.3


class Missing(RuntimeError):
    """The crowd is not as it should be."""


async def _until(told: Told, name: str, count: int) -> dict[str, Any]:
    """Wait until the server has so many of something."""
    deadline = time.monotonic() + PATIENCE
    while (state := await told.asked("state"))[name] != count:
        if time.monotonic() > deadline:
            message = f"{state[name]} {name} rather than {count}"
            raise Missing(message)
        await asyncio.sleep(0.2)
    return state


def _close(places: list[Place]) -> None:
    for place in places:
        place.close()


async def _shared(told: Told, begun: dict[str, Any], sub: dict[str, Any]) -> list[Row]:
    """Return what one batch for a thousand pages costs, and what a page does."""
    before = await _until(told, "connected", 1)
    watching = await crowd(begun["port"], VIEWERS, begun["tokens"], sub)
    await asyncio.sleep(SETTLED)
    during = await _until(told, "connected", VIEWERS + 1)
    bare = await crowd(begun["bare"], VIEWERS)
    batches = [await told.asked("batch") for _ in range(BATCHES)]
    ours, plain = (statistics.median(batch[name] for batch in batches) for name in ("ours", "bare"))
    _close(watching + bare)
    await _until(told, "connected", 1)
    each = (during["resident"] - before["resident"]) / VIEWERS / KB
    beside = Beside(figure=plain, name="bare sockets, the same frames", times=CPU_TIMES)
    return [
        at_most(f"CPU of a batch of 50 rows for {VIEWERS:,} pages", ours, "ms", CPU_MS, beside),
        at_most("memory of a page", each, "KB", 64),
    ]


async def _stalled(told: Told, begun: dict[str, Any], sub: dict[str, Any]) -> list[Row]:
    """Return what pages cost that never read, and the one that is sent the most."""
    reading = await crowd(begun["port"], STALLED, begun["tokens"], sub)
    everything = sub | {"s": 0, "k": ["counts", "more"]}
    grown = []
    for count, said in ((1, everything), (STALLED, sub)):
        before = await told.asked("state")
        deaf = [await joined(begun["port"], begun["tokens"][-1], said, reads=False)]
        deaf += [
            await joined(begun["port"], token, said, reads=False) for token in begun["tokens"][: count - 1]
        ]
        for _ in range(BATCHES // 2):
            await told.asked("batch")
        grown.append((await told.asked("state"))["resident"] - before["resident"])
        _close(deaf)
    _close(reading)
    await _until(told, "connected", 1)
    return [
        at_most("memory that one page takes which never reads", grown[0] / MB, "MB", 5),
        at_most("memory of a page, where many never read", grown[1] / STALLED / KB, "KB", 64),
    ]


async def _cut(told: Told, begun: dict[str, Any], sub: dict[str, Any]) -> list[Row]:
    """Return what lines leave that were opened and cut."""
    before = await _until(told, "connected", 1)
    for _ in range(2):
        places = await crowd(begun["port"], CUT // 2, begun["tokens"], sub)
        _close(places)
    after = await _until(told, "connected", 1)
    await asyncio.sleep(SETTLED)
    after = await told.asked("state")
    return [
        at_most(f"tasks left by {CUT} lines opened and cut", after["tasks"] - before["tasks"], "", 0),
        at_most(
            f"memory left by {CUT} lines opened and cut",
            (after["resident"] - before["resident"]) / MB,
            "MB",
            5,
        ),
    ]


async def _measure(told: Told) -> tuple[Row, ...]:
    begun = await told.asked("begin")
    sub = {"t": "sub", "e": begun["epoch"], "s": begun["seq"], "j": begun["jobs"], "k": ["counts"]}
    rows: list[Row] = []
    for part in (_stalled, _shared, _cut):
        rows += await part(told, begun, sub)
    return tuple(rows)


def measure(folder: Path) -> tuple[Row, ...]:
    """Return the figures of many pages at once."""
    with crowded(folder / "crowd") as told:
        return asyncio.run(_measure(told))
