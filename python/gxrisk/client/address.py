"""Where the server is and which key opens it: by argument, or by `GXRISK_URL`, `GXRISK_KEY` and `GXRISK_KEY_FILE`."""

import os
import stat
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from gxrisk.client.errors import ClientConfigError
from gxrisk.server.key_text import KeyText

URL: Final = "GXRISK_URL"
KEY: Final = "GXRISK_KEY"
KEY_FILE: Final = "GXRISK_KEY_FILE"
_KEY_BYTES_MAX: Final = 1_024


@dataclass(frozen=True, slots=True)
class Address:
    """A server and a key for it; the `repr` of neither shows the key."""

    url: str
    key: KeyText

    @classmethod
    def of(
        cls,
        base_url: str | None = None,
        key: str | None = None,
        key_file: str | os.PathLike[str] | None = None,
        *,
        allow_plain_http: bool = False,
    ) -> "Address":
        """From what is given, and from the variables where nothing is. Raises `ClientConfigError`.

        >>> Address.of("http://risk.example.com", "gxr_5f0c")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        gxrisk.client.errors.ClientConfigError: http://risk.example.com: plain http shows the key to everyone...
        """
        url = _url(base_url or os.environ.get(URL), allow_plain_http)
        return cls(url, _key(key, key_file))


def _url(text: str | None, allow_plain_http: bool) -> str:
    if not text:
        raise ClientConfigError(f"no server is named: give base_url, or set {URL}, like http://127.0.0.1:8780")
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if host is None or parts.scheme not in ("http", "https") or parts.query or parts.fragment or not text.isprintable():
        raise ClientConfigError("the server's address is no URL; one like https://risk.example.com is allowed")
    if parts.username is not None or parts.password is not None:
        raise ClientConfigError("the server's address has a user or a password; a key is given for itself")
    if parts.scheme == "http" and not allow_plain_http and not _is_here(host):
        raise ClientConfigError(
            f"{text}: plain http shows the key to everyone on the way; "
            "https is allowed, and http to this machine alone (allow_plain_http=True sends it all the same)"
        )
    return text.rstrip("/")


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _key(key: str | None, key_file: str | os.PathLike[str] | None) -> KeyText:
    """The key; where it is none, what was given is not shown."""
    if key is None and key_file is None:
        key, key_file = os.environ.get(KEY), os.environ.get(KEY_FILE)
    if key:
        where = "the API key"
    elif key_file:
        where = str(key_file)
        key = _read(Path(key_file))
    else:
        raise ClientConfigError(f"no API key is named: give key or key_file, or set {KEY_FILE} or {KEY}")
    known = KeyText.parse(key.strip())
    if known is None:
        raise ClientConfigError(
            f"{where}: that is no API key; one like gxr_... is, as gxrisk api-keys create prints it"
        )
    return known


def _read(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            text = stream.read(_KEY_BYTES_MAX)
    except OSError as error:
        raise ClientConfigError(f"{file}: {error.strerror}") from None
    if stat.S_ISREG(mode) and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ClientConfigError(f"{file}: others on this machine can read it; chmod 600 is allowed")
    return text.decode("ascii", "replace")
