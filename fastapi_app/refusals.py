"""What the door refuses, before anybody has looked at what is asked for."""

from core.errors import HoldfastError, Refused


class NotSignedIn(HoldfastError):
    """Nobody knows who asks."""

    code = "not-signed-in"
    hint = "Sign in, or send a token: Authorization: Bearer …"

    def __init__(self) -> None:
        super().__init__("This needs someone who is signed in.")


class SetUpFirst(NotSignedIn):
    """There is no account yet."""

    code = "set-up-first"
    hint = "Open the link that Holdfast printed when it started."

    def __init__(self) -> None:
        HoldfastError.__init__(self, "This Holdfast is not set up yet.")


class NotAllowed(Refused):
    """Who asks may not do this."""

    code = "not-allowed"
    hint = "Ask someone whose role is higher."

    def __init__(self, role: str, needed: str) -> None:
        super().__init__(f"This takes the role {needed}; yours is {role}.")


class OnlyHere(Refused):
    """Nobody from the network names a place on this machine's disks."""

    code = "only-here"
    hint = "Use the command on that machine: holdfast store backup FILE."

    def __init__(self) -> None:
        super().__init__("Only a command on Holdfast's own machine says where a backup goes.")


class TokensMakeNone(Refused):
    """Who asks has proved nothing but that they have a token."""

    code = "tokens-make-none"
    hint = (
        "Sign in, and make it on the settings page; or use the command on that machine: holdfast user token."
    )

    def __init__(self) -> None:
        super().__init__("A token cannot make another.")


class AskedByOtherPage(Refused):
    """A page that is not ours asks in someone's name."""

    code = "cross-site"
    hint = "Do it on Holdfast's own pages. Behind a proxy, set HOLDFAST_PUBLIC_ORIGIN to its address."

    def __init__(self) -> None:
        super().__init__("This was not asked by a page of this Holdfast.")


class FormOutdated(Refused):
    """The request does not carry the token of the session."""

    code = "csrf"
    hint = "Reload the page, then do it again. Programs use a token instead of a cookie."

    def __init__(self) -> None:
        super().__init__("This form belongs to another session.")


class WrongHost(HoldfastError):
    """The address asked for is not one of ours."""

    code = "wrong-host"
    hint = "Use the address that Holdfast printed, or set HOLDFAST_PUBLIC_ORIGIN to this one."

    def __init__(self) -> None:
        super().__init__("This Holdfast does not answer at that address.")


class UnknownMethod(HoldfastError):
    """The verb is not one that anything here understands."""

    code = "unknown-method"
    hint = "Use GET, HEAD, POST, PATCH or DELETE."

    def __init__(self) -> None:
        super().__init__("Nothing here understands this method.")


class TooLarge(HoldfastError):
    """The request is larger than anything that is asked here."""

    code = "too-large"
    hint = "Send less at a time."

    def __init__(self) -> None:
        super().__init__("The request is too large.")


class VersionRequired(HoldfastError):
    """A change does not say which version it changes."""

    code = "version-required"
    hint = "Read the job, then name its version in the body or as If-Match."

    def __init__(self) -> None:
        super().__init__("A change must name the version that it changes.")


class MetricsRefused(HoldfastError):
    """Somebody on another machine asks for figures, and does not name the token."""

    code = "metrics-refused"
    hint = "Ask from this machine, or set HOLDFAST_METRICS_TOKEN and send it as a bearer token."

    def __init__(self) -> None:
        super().__init__("Figures are given to this machine, and to whoever names their token.")
