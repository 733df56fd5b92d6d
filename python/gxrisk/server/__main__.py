"""`python -m gxrisk.server`: print the API's description, as docs/openapi.json holds it."""

import json
import sys
from pathlib import Path

from gxrisk.config import Config
from gxrisk.server.app import create_app


def document() -> str:
    """The OpenAPI document of a server without any settings; nothing is opened for it."""
    return json.dumps(create_app(Config(folder=Path("unused"))).openapi(), indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    sys.stdout.write(document())
