"""The committed description is what the server is; operations say scopes, problems, idempotency keys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gxrisk.server.__main__ import document

FILE = Path(__file__).parents[2] / "docs" / "openapi.json"
PUBLIC = {"/livez", "/readyz"}


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    """Path, method and operation."""
    paths = json.loads(document())["paths"]
    return [(path, method, one) for path, methods in paths.items() for method, one in methods.items()]


def test_the_committed_document_is_the_server_s() -> None:
    """Where it is not: python -m gxrisk.server > docs/openapi.json, and look at what changed for clients."""
    assert FILE.read_text() == document()


def test_every_operation_is_whole() -> None:
    """Scopes, a sentence, problems, and a name that is its own."""
    for path, method, one in operations():
        assert one["description"], path
        assert one["responses"]["default"]["content"].keys() == {"application/problem+json"}, path
        assert ("x-scopes" in one) == (path not in PUBLIC), path
        keys = [header["name"] for header in one.get("parameters", ()) if header["in"] == "header"]
        asks = path.endswith(("/validate", "/validate-batch", "/max-quantity"))
        assert ("Idempotency-Key" in keys) == (method != "get" and not asks), path
    names = [one["operationId"] for _, _, one in operations()]
    assert len(names) == len(set(names))


def test_every_reference_leads_somewhere() -> None:
    """Nothing dangles, also not the schemas of problems."""
    told = document()
    schemas = json.loads(told)["components"]["schemas"]
    used = {part.split('"')[0] for part in told.split("#/components/schemas/")[1:]}
    assert used <= schemas.keys()
    assert "ProblemBody" in used


def test_no_number_is_a_float() -> None:
    """Money, prices and ratios are text everywhere."""
    assert '"type": "number"' not in document()
