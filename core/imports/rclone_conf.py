"""Remotes of rclone, from its configuration."""

import base64
import binascii
import configparser
from collections.abc import Mapping
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from core.imports.values import Found, NotUnderstood, PlannedDestination, Remark
from core.places.drafts import DestinationDraft
from core.remotes.backends import BACKENDS, CRYPT_PASSWORD, CRYPT_SALT
from core.remotes.rclone import LOGIN

ENCRYPTED: Final = "RCLONE_ENCRYPT_V0"
WELL_KNOWN: Final = bytes.fromhex("9c935b48730a554d6bfd7c63c886a92bd390198eb8128afbf4de162b8b95f638")
"""The key by which rclone makes passwords unreadable at a glance; it stands in its source and hides nothing."""

BLOCK: Final = 16
TELL_NOTHING: Final = frozenset({"type", "description"})
TRUE: Final = "true"


def read(text: str, files: Mapping[str, str]) -> Found:  # noqa: ARG001 - it names none
    """Return the destinations that the remotes would be."""
    if ENCRYPTED in text[:1000]:
        words = "It is encrypted with a password. Take `rclone config show`, which asks for it."
        return Found(left_out=(Remark(place="the file", words=words),))
    parser = configparser.RawConfigParser(
        delimiters=("=",), comment_prefixes=("#", ";"), strict=False, default_section="\0"
    )
    try:
        parser.read_string(text)
    except configparser.Error:
        words = "This is no configuration of rclone: sections in brackets, and lines name = value."
        return Found(left_out=(Remark(place="the file", words=words),))
    sections = {name: dict(parser[name]) for name in parser.sections()}
    return sum((_found(name, sections) for name in sections), Found())


def _found(name: str, sections: Mapping[str, Mapping[str, str]]) -> Found:
    place = f"[{name[:60]}]"
    try:
        planned, left_out = _planned(name, place, sections)
    except NotUnderstood as error:
        return Found(left_out=(Remark(place=place, words=f"Left out: {error}."),))
    kind = planned.draft.settings["backend"]
    more = ", encrypted" if planned.draft.settings.get("encrypt") else ""
    return Found(
        destinations=(planned,),
        understood=(Remark(place=place, words=f"A destination of rclone, {kind}{more}."),),
        left_out=left_out,
    )


def _planned(
    name: str, place: str, sections: Mapping[str, Mapping[str, str]]
) -> tuple[PlannedDestination, tuple[Remark, ...]]:
    section, path, crypt = sections[name], "", None
    for _ in range(3):
        kind = section.get("type", "")
        if kind not in {"crypt", "alias"}:
            break
        inner, _, below = section.get("remote", "").partition(":")
        if inner not in sections:
            raise NotUnderstood("the remote it stands on is not in this file")
        if kind == "crypt" and (crypt is not None or path):
            raise NotUnderstood("it stands on another that is encrypted")
        crypt = section if kind == "crypt" else crypt
        path = "/".join(part for part in (below.rstrip("/"), path) if part)
        section = sections[inner]
    settings, secrets, left_out = _of_backend(section, place)
    settings |= {"path": path} if path else {}
    if crypt is not None:
        settings |= {"encrypt": crypt.get("filename_encryption", "standard")}
        if crypt.get("directory_name_encryption", TRUE).lower() != TRUE:
            settings["encrypt_folders"] = False
        for option, secret in (("password", CRYPT_PASSWORD), ("password2", CRYPT_SALT)):
            if crypt.get(option):
                secrets[secret] = revealed(crypt[option])
    draft = DestinationDraft(name=name, type="rclone", settings=settings, secrets=secrets)
    return PlannedDestination(ref=name, place=place, draft=draft), left_out


def _of_backend(
    section: Mapping[str, str], place: str
) -> tuple[dict[str, object], dict[str, str], tuple[Remark, ...]]:
    kind = section.get("type", "")
    backend = BACKENDS.get(kind)
    if not kind:
        raise NotUnderstood("it does not say its type")
    if backend is None:
        raise NotUnderstood(f"Holdfast does not use rclone's {kind[:40]}")
    options: dict[str, str] = {}
    secrets: dict[str, str] = {}
    left_out = []
    for name, value in section.items():
        option = backend.option(name)
        if option is None:
            if name not in TELL_NOTHING and value:
                words = f"Its option {name[:60]} is not taken over: Holdfast does not allow it."
                left_out.append(Remark(place=place, words=words))
        elif value and option.secret:
            secrets[name] = revealed(value) if option.obscured else value
        elif value and LOGIN.search(value):
            raise NotUnderstood(f"there is a user or password in the address of its option {name}")
        elif value:
            options[name] = value
    return {"backend": kind, "options": options}, secrets, tuple(left_out)


def revealed(value: str) -> str:
    """Return a password that rclone made unreadable; raises NotUnderstood where it did not."""
    try:
        raw = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
        decryptor = Cipher(algorithms.AES(WELL_KNOWN), modes.CTR(raw[:BLOCK])).decryptor()
        return (decryptor.update(raw[BLOCK:]) + decryptor.finalize()).decode()
    except (binascii.Error, ValueError):
        raise NotUnderstood("a password in it is not as rclone writes them") from None
