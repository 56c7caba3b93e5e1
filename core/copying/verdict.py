"""What a run may say of its proof: whether it is verified, and in which words."""

from typing import Final

from core.copying.account import Account
from core.copying.desk import Desk
from core.copying.sampling import sentence

FEWEST_VANISHED: Final = 10
VANISHED_SHARE: Final = 10
"""One file in ten that vanishes during a run is not somebody tidying up."""


def is_verified(desk: Desk) -> bool:
    """Tell whether everything that was to be read back was, and is as it is in the source."""
    if desk.wishes.verify == "fast":
        return False
    account = desk.account
    torn = account.problems.get("changing", 0) + account.problems.get("became", 0)
    return account["unproved"] == 0 and torn == 0 and missing_names(desk) == 0


def missing_names(desk: Desk) -> int:
    """Return how many further names are neither proved nor gone from the source."""
    if desk.notes.sampled:  # their files may not have been drawn
        return 0
    return max(0, desk.account["unproved_names"] - desk.account["gone_names"])


def too_much_vanished(account: Account) -> str:
    """Return what to say if so much vanished that a disk must have, or nothing."""
    vanished = account.problems.get("vanished", 0)
    if vanished < FEWEST_VANISHED or vanished * VANISHED_SHARE < account["files"]:
        return ""
    return f"{vanished:,} of {account['files']:,} files vanished from the source during the run"


def full_words(desk: Desk) -> str:
    """Return what reading everything back proves."""
    account = desk.account
    good, gone = account["proved"], account["gone"]
    unproved = account["unproved"] + missing_names(desk)
    rest = [f"{gone:,} vanished from the source meanwhile"] if gone else []
    rest += [f"{unproved:,} could not be proved"] if unproved else []
    total = good + account["unproved"] + gone
    if not good:
        return no_file_words(total, rest) + as_of(desk)
    return "; ".join([good_words(good, total, account["proved_names"]), *rest]) + "." + as_of(desk)


def no_file_words(total: int, rest: list[str]) -> str:
    """Return what to say when no file was proved."""
    if not total:
        return "There was no file to read back."
    return f"No file was proved: {'; '.join(rest)}."


def good_words(good: int, total: int, names: int) -> str:
    """Return what was proved of the good files and their further names."""
    subject = all_of(good) if good == total else f"{good:,} of {files(total)}"
    one = total == 1 and not names
    if names:
        subject += f", and {names:,} further {plural(names, 'name')} of {'it' if total == 1 else 'theirs'},"
    verbs = ("was", "matches") if one else ("were", "match")
    return f"{subject} {verbs[0]} read back from the destination and {verbs[1]} what was read from the source"


def fast_words(desk: Desk) -> str:
    """Return what looking at sizes and times proves."""
    again = desk.account["proved"]
    if not again:
        return "Only sizes and times were looked at; nothing was read back." + as_of(desk)
    verb = "was" if again == 1 else "were"
    return (
        f"Only sizes and times were looked at; {files(again)} that {verb} not right {verb} "
        f"copied again and read back." + as_of(desk)
    )


def sample_words(desk: Desk, size: int, population: int) -> str:
    """Return what a sample without a bad file proves."""
    wishes = desk.wishes
    return sentence(size, population, wishes.confidence, wishes.good_share) + as_of(desk)


def as_of(desk: Desk) -> str:
    """Return, for a run that went on after a break, from when its list of files is."""
    if not desk.resumed:
        return ""
    return f" This is the source as it was at {desk.notes.scanned_at}: what was added later is not in it."


def manifest_words(listed: int, proved: int) -> str:
    """Return what the list of digests is a list of."""
    if proved == listed:
        return "Every digest in the list is of a file that was read back from the destination."
    return (
        f"{proved:,} of the {listed:,} {plural(listed, 'digest')} in the list were read back from the "
        "destination; the others are of what was read from the source."
    )


def failure_hint(account: Account) -> str:
    """Return what to do about what failed."""
    lost = account.problems.get("unplugged") or account.problems.get("lost")
    if lost or too_much_vanished(account):
        return "Was a disk inside the source unplugged? Bring it back and run the job again."
    return "The log names each of them."


def all_of(number: int) -> str:
    """Return how all of so many files are called."""
    return "The only file" if number == 1 else f"All {files(number)}"


def files(number: int) -> str:
    """Return so many files in words."""
    return f"{number:,} {plural(number, 'file')}"


def plural(number: int, noun: str) -> str:
    """Return the noun for so many."""
    return noun if number == 1 else f"{noun}s"
