"""The API's documents, made from the endpoints and messages: OpenAPI 3.1 for HTTP, AsyncAPI 3.0 for sockets.

`python -m lipwright.service.documents docs/api` writes both.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lipwright.files import write_atomically
from lipwright.service import messages as m
from lipwright.service.endpoints import ENDPOINTS, SOCKETS, Endpoint
from lipwright.service.typed_json import parts_of, schema

# Of the API, not of Lipwright: it grows when something is changed that a client must know.
VERSION = "1.0.0"
TITLE = "Lipwright"
ABOUT = "A robot head that speaks with its lips. docs/api.md tells how to use this."
TROUBLES = {
    400: "what was asked cannot be done",
    401: "a token is needed",
    403: "another site's page, or another name",
    429: "too often",
}


def openapi() -> dict[str, Any]:
    """OpenAPI 3.1."""
    paths: dict[str, Any] = {}
    for endpoint in ENDPOINTS:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    kinds = [kind for e in ENDPOINTS for kind in (e.takes, e.gives) if isinstance(kind, type)]
    return {
        "openapi": "3.1.0",
        "info": {"title": TITLE, "version": VERSION, "description": ABOUT},
        "paths": paths,
        "components": {
            "schemas": _schemas([*kinds, m.Problem]),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "lipwright"},
            },
        },
        # None is needed where only this machine can ask.
        "security": [{}, {"bearer": []}, {"cookie": []}],
    }


def asyncapi() -> dict[str, Any]:
    """AsyncAPI 3.0."""
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    kinds: list[type[Any]] = []
    for socket in SOCKETS:
        name = socket.path.rpartition("/")[2]
        messages = {kind.__name__: _message(kind) for kind in (*socket.takes, *socket.gives)}
        kinds += [*socket.takes, *socket.gives]
        if socket.takes_sound:
            messages["Sound"] = {"summary": "binary: sound", "contentType": "application/octet-stream"}
        channels[name] = {"address": socket.path, "description": socket.summary, "messages": messages}
        taken = [kind.__name__ for kind in socket.takes] + ["Sound"] * socket.takes_sound
        # Seen from the head, as AsyncAPI wants it: it receives what a client sends.
        if taken:
            operations[f"{name}Receive"] = _socket_operation("receive", name, taken)
        operations[f"{name}Send"] = _socket_operation("send", name, [kind.__name__ for kind in socket.gives])
    return {
        "asyncapi": "3.0.0",
        "info": {"title": TITLE, "version": VERSION, "description": ABOUT},
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {"schemas": _schemas(kinds)},
    }


def as_text(document: dict[str, Any]) -> str:
    """A document as it lies in docs/api."""
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    found: dict[str, Any] = {"summary": endpoint.summary, "operationId": endpoint.handler}
    parameters = [
        {
            "name": query.name,
            "in": "query",
            "description": query.about,
            "required": "default" not in query.schema,
            "schema": query.schema,
        }
        for query in endpoint.query
    ]
    parameters += [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "pattern": m.SHOW_NAME}}
        for name in re.findall(r"{(\w+)}", endpoint.path)
    ]
    if parameters:
        found["parameters"] = parameters
    if endpoint.takes is not None:
        optional = isinstance(endpoint.takes, type) and not schema(endpoint.takes)["required"]
        found["requestBody"] = {"required": not optional, "content": _content(endpoint.takes)}
    found["responses"] = {
        str(endpoint.status): {"description": "as asked", "content": _content(endpoint.gives)},
        **{
            str(status): {"description": about, "content": _content(m.Problem)}
            for status, about in TROUBLES.items()
        },
    }
    if endpoint.status != 200:
        found["responses"]["200"] = {
            "description": "with wait: when it is over",
            "content": _content(endpoint.gives),
        }
    return found


def _content(kind: type[Any] | str) -> dict[str, Any]:
    if isinstance(kind, str):
        return {kind: {"schema": {}}}
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{kind.__name__}"}}}


def _message(kind: type[Any]) -> dict[str, Any]:
    return {
        "summary": (kind.__doc__ or "").strip(),
        "payload": {"$ref": f"#/components/schemas/{kind.__name__}"},
    }


def _socket_operation(action: str, name: str, kinds: list[str]) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{name}"},
        "messages": [{"$ref": f"#/channels/{name}/messages/{kind}"} for kind in kinds],
    }


def _schemas(kinds: Iterable[type[Any]]) -> dict[str, Any]:
    found = {part.__name__: part for kind in kinds for part in parts_of(kind)}
    return {name: schema(found[name]) for name in sorted(found)}


def main(folder: str) -> None:
    """Writes both documents."""
    for name, document in (("openapi", openapi()), ("asyncapi", asyncapi())):
        write_atomically(Path(folder) / f"{name}.json", as_text(document).encode())


if __name__ == "__main__":
    main(sys.argv[1])
