"""What was found, as a proof: whether it is verified, and in which words."""

from core.copying.sampling import sentence
from core.proofs.readers import Desk
from core.proofs.spool import State
from core.proofs.values import Proof, ProofWishes

FEWEST_VANISHED = 10
VANISHED_SHARE = 10
"""One file in ten that vanishes during a proof is not somebody tidying up: a disk must have gone."""


def proof_of(desk: Desk, wishes: ProofWishes, sample: int, *, links: int) -> Proof:
    """Return the proof; `links` are those that were not looked at."""
    spool, findings = desk.spool, desk.findings
    vanished = findings.counts.get("vanished", 0)
    if vanished >= FEWEST_VANISHED and vanished * VANISHED_SHARE >= spool.files:
        findings.against(f"{_files(vanished)} vanished from the source during the proof; is its disk gone?")
    proved, proved_bytes = spool.count(State.PROVED)
    changed = spool.count(State.CHANGED)[0]
    enough = (
        proved >= sample
        if wishes.verify == "sample"
        else proved + changed >= spool.files and proved >= changed  # most of it must speak for all of it
    )
    verified = wishes.verify != "fast" and proved > 0 and enough and not findings.bad
    problems: dict[str, int] = {
        sort: number for sort, number in findings.counts.items() if sort != "vanished"
    }
    if vanished:
        problems["changed"] = problems.get("changed", 0) + vanished
    return Proof(
        mode=wishes.verify,
        verified=verified,
        sentence=_sentence(desk, wishes, proved, verified=verified) + _about_links(links),
        files=spool.files,
        bytes=spool.bytes,
        proved=proved,
        proved_bytes=proved_bytes,
        sample=sample,
        damaged=findings.named("damaged"),
        missing=findings.named("missing"),
        unreadable=(*findings.sentences, *findings.named("unreadable")),
        problems=problems,
        warnings=_warnings(desk),
    )


def _sentence(desk: Desk, wishes: ProofWishes, proved: int, *, verified: bool) -> str:
    files = desk.spool.files
    if not files:
        return "There was no file to read back."
    if wishes.verify == "fast":
        alike = desk.spool.count(State.ALIKE)[0]
        if not alike and not desk.findings.counts:
            return "The destination cannot be listed by itself: nothing was looked at, and nothing was read back."
        return f"Only names and sizes were looked at, those of {alike:,} of {_files(files)} are alike; nothing was read back."
    if wishes.verify == "sample" and verified:
        return sentence(proved, files, wishes.confidence, wishes.good_share)
    what = "sample" if wishes.verify == "sample" else ""
    rest = _rest(desk)
    if not rest and not what:
        all_of = "The only file was" if files == 1 else f"All {files:,} files were"
        match = "matches" if files == 1 else "match"
        return f"{all_of} read back from the destination and {match} what was read from the source."
    head = f"{proved:,} of {_files(files)} {'was' if proved == 1 else 'were'} read back and found equal"
    return f"{head}; {', '.join(rest)}." if rest else f"{head}."


def _rest(desk: Desk) -> list[str]:
    counts = desk.findings.counts
    words = {
        "damaged": "differ at the destination",
        "missing": "are missing there",
        "unreadable": "could not be read",
        "changed": "came or changed meanwhile",
        "vanished": "vanished meanwhile",
    }
    return [f"{number:,} {text}" for sort, text in words.items() if (number := counts.get(sort, 0))]  # type: ignore[call-overload]


def _about_links(links: int) -> str:
    if not links:
        return ""
    return f" {links:,} symbolic {'link was' if links == 1 else 'links were'} not looked at."


def _warnings(desk: Desk) -> tuple[str, ...]:
    findings = desk.findings
    lines = [f"Not proved: {line}." for line in (*findings.named("changed"), *findings.named("vanished"))]
    more = findings.counts.get("changed", 0) + findings.counts.get("vanished", 0) - len(lines)
    return (
        (*lines, f"Not proved: {more:,} more that came or changed meanwhile.") if more > 0 else tuple(lines)
    )


def _files(number: int) -> str:
    return f"{number:,} {'file' if number == 1 else 'files'}"
