"""What the site does to pages that are written to be read in the repository too."""

import re
from typing import Any, Final

# A link out of docs/ leads to a source file, which the site does not hold: its path is shown instead.
_OUTSIDE: Final = re.compile(r"\[([^\]]+)\]\((?:\.\./)+([^)#\s]+)(?:#[^)\s]*)?\)")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Show where a source file is, instead of a link that leads nowhere."""

    def shown(link: re.Match[str]) -> str:
        text, path = link[1], link[2]
        return f"`{path}`" if text.strip("`") == path else f"{text} (`{path}`)"

    return _OUTSIDE.sub(shown, markdown)
