"""Text of a model or a venue as a terminal may see it: nothing in it moves a cursor, colours or hides anything."""


def plain(text: str) -> str:
    r"""`text` with what does not print (control and format characters, line breaks) written out as escapes.

    >>> print(plain("up \x1b[2J\u202e only"))
    up \x1b[2J\u202e only
    """
    return text if text.isprintable() else "".join(one if one.isprintable() else _escaped(one) for one in text)


def shortened(text: str, characters_max: int) -> str:
    """`plain(text)`, and an ellipsis for what is more than `characters_max`.

    >>> shortened("breakout above the range", 12)
    'breakout ab…'
    """
    done = plain(text)
    return done if len(done) <= characters_max else f"{done[: characters_max - 1]}…"


def _escaped(one: str) -> str:
    return one.encode("unicode_escape").decode("ascii")
