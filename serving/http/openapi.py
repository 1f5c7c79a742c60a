"""The OpenAPI document: BentoML's own, with the paths it does not see, problems and keys."""

from __future__ import annotations

from typing import Any

from serving.http.problems import MEDIA_TYPE, SORTS
from serving.http.schemas import ProblemDetails

VERSION = "3.1.0"
BODIES = {"/score": "ScoreRequest", "/explain": "ExplainRequest", "/events": "EventsRequest"}
ANSWERS = {"/score": "ScoreAnswer", "/explain": "ExplainAnswer", "/events": "EventsAnswer"}
PROBES = ("/livez", "/readyz", "/healthz")
SHOWN = (400, 401, 403, 404, 409, 413, 415, 422, 503, 504)


def openapi(ours: dict[str, Any], info: dict[str, str]) -> dict[str, Any]:
    """The document that BentoML made, made whole.

    BentoML writes optional keys as if they had to be there and its own form of errors; both are told as they are.
    """
    schemas = {**ours["components"]["schemas"], "ProblemDetails": ProblemDetails.model_json_schema()}
    for name in ("TaskStatusResponse", "InvalidArgument", "NotFound", "InternalServerError"):
        schemas.pop(name, None)
    paths = {path: _own(path, item) for path, item in ours["paths"].items() if path not in BODIES}
    for path, body in BODIES.items():
        post = ours["paths"][path]["post"]
        paths[path] = {
            "post": {
                "operationId": path[1:],
                "description": post["description"],
                "tags": post["tags"],
                "requestBody": {"required": True, "content": {"application/json": {"schema": _ref(body)}}},
                "responses": {"200": _json(_ref(ANSWERS[path])), **_problems(SHOWN)},
            }
        }
    return {
        "openapi": VERSION,
        "info": info,
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {"header": []}],
        "paths": {**paths, **_mounted()},
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
    }


def _own(path: str, item: dict[str, Any]) -> dict[str, Any]:
    """One of BentoML's own paths: who watches the server needs no key."""
    get = item["get"]
    responses = {**get["responses"], **_problems((503,) if path in PROBES else (401,))}
    return {"get": {**get, "responses": responses, **({"security": []} if path in PROBES else {})}}


def _mounted() -> dict[str, Any]:
    """The paths that BentoML's document has not."""
    anything = {"type": "object"}
    lead_id = {
        "name": "lead_id",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "minLength": 1},
        "example": "ann",
    }
    refusals = (401, 403, 404, 422, 503, 504)
    return {
        "/leads/{lead_id}": {
            "parameters": [lead_id],
            "get": {
                "operationId": "lead",
                "description": "The latest score with its reasons, the earlier ones, and what is stored of the lead.",
                "responses": {"200": _json(anything), **_problems(refusals)},
            },
            "delete": {
                "operationId": "forget",
                "description": "Forget the lead for good.",
                "responses": {"200": _json(anything), **_problems(refusals)},
            },
        },
        "/model": {
            "get": {
                "operationId": "model",
                "description": "Which model serves, which were refused and why, and whether the store can be used.",
                "responses": {"200": _json(anything), **_problems((401,))},
            }
        },
    }


def _problems(statuses: tuple[int, ...]) -> dict[str, Any]:
    """The refusals of these statuses."""
    titles = {status: [s.title for s in SORTS.values() if s.status == status] for status in statuses}
    return {
        str(status): {
            "description": "; ".join(titles[status]),
            "content": {MEDIA_TYPE: {"schema": _ref("ProblemDetails")}},
        }
        for status in statuses
    }


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": "the answer", "content": {"application/json": {"schema": schema}}}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}
