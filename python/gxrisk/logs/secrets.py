"""What must never be read in a log: values that are known, and texts that look like credentials."""

import re
from base64 import b64encode
from typing import Final
from urllib.parse import quote

REDACTED: Final = "[redacted]"
CHARS_MIN: Final = 6  # what is shorter stands in ordinary words too
_CLEAN_CHARS_MAX: Final = 128  # of a text that is remembered: the names, addresses and ids that each line repeats
_CLEAN_MAX: Final = 4_096

_NAMES: Final = r"pass(?:word|phrase|wd)|secret|token|api[_-]?key|private[_-]?key|authorization|cookie|credentials?"
_SECRET_NAME: Final = re.compile(rf"(?:^|[^a-z0-9])(?:{_NAMES})$", re.IGNORECASE)
_PATTERNS: Final = tuple(
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), f"{kept}{REDACTED}")
    for pattern, kept in (
        (r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,30}PRIVATE KEY-----|\Z)", ""),
        (r"(://)[^\s/@]{1,512}(?=@)", r"\1"),  # of a URL: user and password
        (r"(hooks\.slack\.com/services/|/api/webhooks/)[^\s\"']+", r"\1"),
        (r"\b(bearer|basic)\s+[a-z0-9._~+/=-]{8,}", r"\1 "),
        (r"\beyj[a-z0-9_-]{8,}\.[a-z0-9_-]{8,}\.[a-z0-9_-]*", ""),  # a JSON web token
        (r"\b(?:sk|pk|rk)[-_][a-z0-9_-]{16,}|\bgh[opsur]_[a-z0-9]{20,}|\bxox[abprs]-[a-z0-9-]{10,}", ""),
        (r"\bAKIA[0-9A-Z]{16}\b", ""),
        (rf"((?:{_NAMES})[\"']?\s{{0,8}}[:=]\s{{0,8}}[\"']?)(?!\[redacted\])[^\s\"',;&]{{3,}}", r"\1"),
    )
)


def is_secret_name(name: str) -> bool:
    """Whether a field of this name holds a credential.

    >>> [is_secret_name(name) for name in ("api_key", "db.password", "passphrase_file", "tokens")]
    [True, True, False, False]
    """
    return _SECRET_NAME.search(name) is not None


class Secrets:
    """Values that are replaced wherever they stand, beside what looks like a credential by itself.

    >>> secrets = Secrets()
    >>> secrets.add("correct horse")
    >>> secrets.cleaned("https://ann:pw@host/?q=correct%20horse and api_key=12345 and correct horse")
    'https://[redacted]@host/?q=[redacted] and api_key=[redacted] and [redacted]'
    """

    def __init__(self) -> None:
        self._forms: frozenset[str] = frozenset()
        self._known: re.Pattern[str] | None = None
        self._clean: set[str] = set()  # texts that were searched and held none
        self.chars_max = 0  # of the longest form

    def add(self, *values: str) -> None:
        """Know more of them. Raises `ValueError`, which does not show it, for one under six characters."""
        for value in values:
            if len(value) < CHARS_MIN:
                raise ValueError(f"a secret of {len(value)} characters was given; {CHARS_MIN} or more are allowed")
        forms = {
            form for value in values for form in (value, quote(value, safe=""), b64encode(value.encode()).decode())
        }
        self._forms |= forms
        if self._forms:
            longest_first = sorted(self._forms, key=len, reverse=True)
            self._known = re.compile("|".join(map(re.escape, longest_first)))
            self.chars_max = len(longest_first[0])
            self._clean = set()

    def cleaned(self, text: str) -> str:
        """The text without secrets."""
        clean = self._clean
        if text in clean:
            return text
        cleaned = text if self._known is None else self._known.sub(REDACTED, text)
        for pattern, replacement in _PATTERNS:
            cleaned = pattern.sub(replacement, cleaned)
        if cleaned == text and len(text) <= _CLEAN_CHARS_MAX:
            if len(clean) >= _CLEAN_MAX:
                clean.clear()
            clean.add(text)
        return cleaned
