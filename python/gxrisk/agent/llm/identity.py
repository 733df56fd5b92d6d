"""Which model said it, and to which question: hashes that anyone can work out again."""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

from gxrisk.agent.llm.quotation import cleaned
from gxrisk.agent.strategy import ModelError

_HASH_CHARS: Final = 12
_NAME_CHARS_MAX: Final = 80


def identity_of(parts: Mapping[str, Any]) -> str:
    """SHA-256, hexadecimal, of `parts` as JSON with sorted names, the same in every process.

    Raises `ModelError` for what JSON cannot hold, since its text could differ from run to run.

    >>> identity_of({"model": "a:b", "settings": {"top_p": 1, "seed": 2}})[:12]
    'c186d7966412'
    >>> identity_of({"settings": {"timeout": object()}})
    Traceback (most recent call last):
        ...
    gxrisk.agent.strategy.ModelError: the settings have no stable text: Object of type object is not JSON serializable
    """
    try:
        text = json.dumps(parts, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ModelError(f"the settings have no stable text: {error}") from error
    return sha256(text.encode()).hexdigest()


def tag_of(model: str, identity: str, prompt_sha256: str) -> str:
    """What an answer's reasoning ends with: the model's name and the first 12 digits of both hashes.

    >>> tag_of("openai:gpt-5.2", "ab" * 32, "cd" * 32)
    '[openai:gpt-5.2 abababababab/cdcdcdcdcdcd]'
    """
    return f"[{cleaned(model, _NAME_CHARS_MAX)} {identity[:_HASH_CHARS]}/{prompt_sha256[:_HASH_CHARS]}]"


def tagged(reasoning: str, tag: str, chars_max: int) -> str:
    """`reasoning` and the tag in at most `chars_max` characters, the reasoning cut where it has to be.

    >>> tagged("a long reason", "[m a/b]", 16)
    'a long … [m a/b]'
    """
    return f"{cleaned(reasoning, chars_max - len(tag) - 1) or '(no words)'} {tag}"
