"""Accounts: who may come in, how they prove it, and for how long they stay."""

import hashlib
import hmac
import ipaddress
import logging
import re
import secrets
import threading
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from core.clock import Clock
from core.errors import HoldfastError, InvalidOptions, NotFound, Refused, StorageFailed
from core.passwords import Passwords, check_password
from core.people import ApiToken, Role, Session, SignedIn, User
from core.storage.auth_files import AuthFiles
from core.tries import Tries

log = logging.getLogger(__name__)

IDLE: Final = timedelta(hours=12)
LONGEST_STAY: Final = timedelta(hours=24)
LONGEST_KEPT_STAY: Final = timedelta(days=7)
TOKEN_LIFE: Final = timedelta(hours=12)
TRIES_OF_A_NAME: Final = 10
TRIES_OF_AN_ADDRESS: Final = 30
MOST_KEYS_OF_ONE: Final = 50
"""Sessions, and tokens, that one person may have; the oldest gives way."""

TOKEN_PREFIX: Final = "holdfast_"  # noqa: S105 - lets scanners of leaked secrets know ours
NAME: Final = re.compile(r"[^\W_][\w.@-]{0,63}", re.ASCII)


class WrongCredentials(HoldfastError):
    """Name and password do not belong together."""

    code = "wrong-credentials"
    hint = "Check both, then try again."

    def __init__(self) -> None:
        super().__init__("This name and password do not belong together.")


class Accounts:
    """Knows who may come in. Safe to use from several threads; `session` and `token` never wait.

    Sessions that the disk refuses to keep live in memory until it takes them: who looks after a full disk
    has to come in first.
    """

    def __init__(self, folder: Path, clock: Clock, *, passwords: Passwords | None = None) -> None:
        self._files = AuthFiles(folder)
        self._clock = clock
        self._passwords = passwords or Passwords()
        self._tries = Tries(clock)
        self._lock = threading.RLock()
        self._users: dict[str, User] = {}
        self._sessions: dict[str, Session] = {}
        self._tokens: dict[str, ApiToken] = {}
        self._seen: dict[str, datetime] = {}
        self._sessions_kept = True
        self._known_places: set[tuple[str, str]] = set()
        self._code_key: str | None = None
        self._door_key: str | None = None
        self._on_end: list[Callable[[str], None]] = []

    def open(self) -> None:
        """Read what is kept; raises StoreUnreadable rather than forget who may come in."""
        self._users = {user.name.casefold(): user for user in self._files.read_people("users", User)}
        self._sessions = {kept.key: kept for kept in self._files.read_or_forget("sessions", Session)}
        self._tokens = {kept.key: kept for kept in self._files.read_or_forget("tokens", ApiToken)}
        self._known_places = {(kept.user, kept.address) for kept in self._sessions.values()}

    def close(self) -> None:
        """Keep when each session was last seen."""
        self.keep_seen()

    def on_end(self, listener: Callable[[str], None]) -> None:
        """Tell `listener` the key of every session that is ended, from whichever thread ends it."""
        self._on_end.append(listener)

    # The first one

    @property
    def needs_set_up(self) -> bool:
        """Tell whether nobody may come in yet."""
        return not self._users

    def set_up_code(self) -> str:
        """Return a new code that lets one person make the first account; older ones are void."""
        code = secrets.token_urlsafe(24)
        self._code_key = _key_of(code)
        return code

    def set_up(self, code: str, name: str, password: str) -> User:
        """Make the first account, an admin's; raises Refused or InvalidOptions."""
        if not self.needs_set_up:
            message = "Holdfast is set up already."
            raise Refused(message, hint="Sign in instead.")
        if self._code_key is None or not hmac.compare_digest(_key_of(code), self._code_key):
            message = "This set-up link is not valid, or not any more."
            raise Refused(message, hint="Use the link that Holdfast printed when it was last started.")
        if self._files.any_there:
            message = "The files of accounts came back meanwhile."
            raise Refused(message, hint="Start Holdfast again, then sign in.")
        return self.add_user(name, password, Role.ADMIN, only_as_first=True)

    def add_user(self, name: str, password: str, role: Role, *, only_as_first: bool = False) -> User:
        """Let someone in from now on; raises InvalidOptions for a name or password that is not good."""
        if not NAME.fullmatch(name):
            problem = "A name has 1 to 64 letters, digits, dots, dashes or underscores."
            raise InvalidOptions({"name": problem})
        check_password(password, name=name)
        kept = self._passwords.hash(password)
        user = User(name=name, role=role, password=kept, created_at=self._clock.now())
        with self._lock:
            if name.casefold() in self._users or (only_as_first and self._users):
                raise InvalidOptions({"name": f"There is a {name!r} already."})
            self._keep_user(user)
            self._code_key = None
        return user

    def _keep_user(self, user: User) -> None:
        self._keep_users({**self._users, user.name.casefold(): user})

    def _keep_users(self, users: dict[str, User]) -> None:
        self._files.write("users", users.values())
        self._users = users

    # Who there is

    def people(self) -> tuple[User, ...]:
        """Return everybody who may come in, by name."""
        return tuple(sorted(self._users.values(), key=lambda user: user.name.casefold()))

    def user(self, name: str) -> User:
        """Return somebody who may come in; raises NotFound."""
        found = self._users.get(name.casefold())
        if found is None:
            raise NotFound("person", name[:64])
        return found

    def change(
        self, name: str, changed: Callable[[User], User | None], *, but: str | None = None
    ) -> User | None:
        """Keep somebody as `changed` makes them of what they are; None is that they are gone.

        Nobody else changes anybody meanwhile. Their tokens end with it, and their sessions, `but` the one of this key.
        What `changed` raises changes nothing.
        """
        with self._lock:
            user = self.user(name)
            wanted = changed(user)
            after = None if wanted is None else replace(wanted, version=user.version + 1)
            folded = user.name.casefold()
            self.drop_tokens(lambda token: token.user == folded)
            rest = {each: known for each, known in self._users.items() if each != folded}
            self._keep_users(rest if after is None else {**rest, folded: after})
        self.end_sessions(lambda session: session.user == folded and session.key != but)
        return after

    def new_password(self, name: str, password: str) -> str:
        """Return what would be kept of somebody's new password; raises InvalidOptions for one that is not good."""
        check_password(password, name=name)
        return self._passwords.hash(password)

    # Coming in

    def authenticate(self, name: str, password: str, address: str) -> User:
        """Return who it is; raises WrongCredentials or TooManyTries.

        A stranger who guesses at a name uses up the tries of strangers, not those of an address
        from which this name came in before.
        """
        folded, place = name[:64].casefold(), _network(address)
        known = (folded, place) in self._known_places
        of_name = f"{folded}@{place}" if known else folded
        limits = ((f"name {of_name}", TRIES_OF_A_NAME), (f"address {place}", TRIES_OF_AN_ADDRESS))
        mark = self._tries.take(*limits)
        user = self._users.get(name.casefold())
        if not self._passwords.matches(password, user.password if user else None) or user is None:
            raise WrongCredentials
        self._tries.forgive(mark, *(key for key, _ in limits))
        with self._lock:
            self._known_places.add((folded, place))
            return self._with_todays_hash(user, password)

    def _with_todays_hash(self, user: User, password: str) -> User:
        if self._passwords.outdated(user.password):
            renewed = replace(user, password=self._passwords.hash(password))
            try:
                self._keep_user(renewed)
            except StorageFailed as error:  # the next time will do: this password is theirs as it is
                log.warning("%s", error)
            else:
                return renewed
        return user

    # Sessions

    def open_session(self, user: User, *, long: bool = False, address: str = "") -> str:
        """Return the value for a new session's cookie; only its SHA-256 is kept."""
        value, now = secrets.token_urlsafe(32), self._clock.now()
        session = Session(
            key=_key_of(value),
            user=user.name.casefold(),
            created_at=now,
            seen_at=now,
            long=long,
            address=_network(address),
        )
        with self._lock:
            living = self._living()
            spent = _giving_way(living, session.user)
            rest = {old.key: old for old in living if old.key not in spent}
            self._keep_sessions({**rest, session.key: session}, ended=spent)
        self._tell_ended(spent)
        return value

    def session(self, value: str) -> SignedIn | None:
        """Return whose session this is, and take note that it was seen; None if it is over."""
        found = self.still_there(_key_of(value))
        if found is not None and found.key is not None:
            self._seen[found.key] = self._clock.now()
        return found

    def still_there(self, key: str) -> SignedIn | None:
        """Return whose session has this key, None if it is over; nobody counts as seen by it."""
        session = self._sessions.get(key)
        if session is None or self._is_over(session):
            return None
        user = self._users.get(session.user)
        return SignedIn(name=user.name, role=user.role, key=key) if user else None

    def end_session(self, key: str) -> None:
        """End the session, for its browser and whatever it has open."""
        with self._lock:
            if key in self._sessions:
                self._keep_sessions({old.key: old for old in self._living() if old.key != key}, ended={key})
        self._tell_ended({key})

    def end_sessions(self, doomed: Callable[[Session], bool]) -> None:
        """End every session that `doomed` says, for its browser and whatever it has open."""
        with self._lock:
            living = self._living()
            ended = {session.key for session in living if doomed(session)}
            if ended:
                staying = {session.key: session for session in living if session.key not in ended}
                self._keep_sessions(staying, ended=ended)
        self._tell_ended(ended)

    def sessions_of(self, name: str) -> tuple[Session, ...]:
        """Return the sessions that somebody has, the one seen last first."""
        with self._lock:
            mine = [session for session in self._living() if session.user == name.casefold()]
        return tuple(sorted(mine, key=lambda session: session.seen_at, reverse=True))

    def keep_seen(self) -> None:
        """Keep when each session was last seen, and forget those that are over."""
        with self._lock:
            living = {session.key: session for session in self._living()}
            if living != self._sessions or not self._sessions_kept:
                self._keep_sessions(living)

    def _living(self) -> list[Session]:
        return [
            replace(session, seen_at=self._seen.get(session.key, session.seen_at))
            for session in self._sessions.values()
            if not self._is_over(session)
        ]

    def _is_over(self, session: Session) -> bool:
        now = self._clock.now()
        longest = LONGEST_KEPT_STAY if session.long else LONGEST_STAY
        idle = LONGEST_KEPT_STAY if session.long else IDLE
        seen_at = self._seen.get(session.key, session.seen_at)
        return now - session.created_at >= longest or now - seen_at >= idle

    def _keep_sessions(self, sessions: dict[str, Session], ended: AbstractSet[str] = frozenset()) -> None:
        self._sessions = sessions
        self._seen = {key: seen for key, seen in self._seen.items() if key in sessions}
        try:
            self._files.write("sessions", sessions.values())
        except StorageFailed as error:
            self._live_in_memory(error, somebody_left=bool(ended))
        else:
            self._sessions_kept = True

    def _live_in_memory(self, error: StorageFailed, *, somebody_left: bool) -> None:
        """Let no session that was ended come back from the file: without it, all end with this process."""
        if self._sessions_kept:
            log.warning("%s Until it takes them, sessions end when Holdfast stops.", error)
        self._sessions_kept = False
        if somebody_left:
            try:
                self._files.remove("sessions")
            except StorageFailed as trouble:
                log.warning("%s A session that was ended could come back at the next start.", trouble)

    def _tell_ended(self, keys: set[str]) -> None:
        for key in keys:
            for listener in self._on_end:
                listener(key)

    # Tokens

    def issue_token(
        self, user: User, *, name: str, role: Role | None = None, life: timedelta = TOKEN_LIFE
    ) -> str:
        """Return a new token that acts for the user, with their role or the one named; only its SHA-256 is kept."""
        value, now = TOKEN_PREFIX + secrets.token_urlsafe(32), self._clock.now()
        token = ApiToken(
            key=_key_of(value),
            user=user.name.casefold(),
            name=name,
            role=role or user.role,
            created_at=now,
            expires_at=now + life,
        )
        with self._lock:
            living = [old for old in self._tokens.values() if old.expires_at > now]
            spent = _giving_way(living, token.user)
            tokens = {old.key: old for old in living if old.key not in spent} | {token.key: token}
            self._files.write("tokens", tokens.values())
            self._tokens = tokens
        return value

    def tokens_of(self, name: str) -> tuple[ApiToken, ...]:
        """Return the tokens of somebody that are valid, the newest first."""
        now, folded = self._clock.now(), name.casefold()
        mine = [token for token in self._tokens.values() if token.user == folded and token.expires_at > now]
        return tuple(sorted(mine, key=lambda token: token.created_at, reverse=True))

    def drop_tokens(self, doomed: Callable[[ApiToken], bool]) -> None:
        """Let every token that `doomed` says act for nobody any more; raises StorageFailed, and all stay then."""
        with self._lock:
            staying = {key: token for key, token in self._tokens.items() if not doomed(token)}
            if len(staying) < len(self._tokens):
                self._files.write("tokens", staying.values())
                self._tokens = staying

    def token(self, value: str) -> SignedIn | None:
        """Return for whom this token acts, None if it is not valid; its role is never above theirs."""
        key = _key_of(value)
        if self._door_key is not None and hmac.compare_digest(key, self._door_key):
            return SignedIn(name="cli", role=Role.ADMIN, local=True)
        token = self._tokens.get(key)
        user = self._users.get(token.user) if token else None
        if token is None or user is None or token.expires_at <= self._clock.now():
            return None
        role = token.role if user.role.covers(token.role) else user.role
        return SignedIn(name=user.name, role=role)

    def open_door(self) -> str:
        """Return a token for whoever can read this user's files; it ends with this process."""
        value = TOKEN_PREFIX + secrets.token_urlsafe(32)
        self._door_key = _key_of(value)
        return value


def _key_of(value: str) -> str:
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()


def _giving_way(kept: Sequence[Session | ApiToken], user: str) -> set[str]:
    """Return the keys of the user's oldest, so many that there is room for one more."""
    mine = sorted((one for one in kept if one.user == user), key=lambda one: one.created_at)
    return {one.key for one in mine[: max(0, len(mine) - MOST_KEYS_OF_ONE + 1)]}


def _network(address: str) -> str:
    """Return what counts as one address: an IPv6 network of one subscriber is one."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, 64), strict=False))
