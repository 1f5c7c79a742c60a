"""What is asked for with GET and DELETE: leads, the model that serves, the OpenAPI document."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import anyio.to_thread
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

Handler = Callable[[Request], Awaitable[Response]]
Answering = Callable[[Callable[[], dict[str, Any]]], Awaitable[Response]]


def shown(
    lead: Callable[[str], dict[str, Any]],
    forget: Callable[[str], dict[str, Any]],
    model: Callable[[], dict[str, Any]],
    document: Callable[[], dict[str, Any]],
    metrics: Callable[[], bytes],
    answer: Answering,
) -> Starlette:
    """The application with these paths; ``answer`` calls in a thread, and makes what is raised a problem."""

    async def get_lead(request: Request) -> Response:
        return await answer(lambda: lead(request.path_params["lead_id"]))

    async def delete_lead(request: Request) -> Response:
        return await answer(lambda: forget(request.path_params["lead_id"]))

    async def get_model(request: Request) -> Response:
        return await answer(model)

    async def get_metrics(request: Request) -> Response:
        from prometheus_client import CONTENT_TYPE_LATEST  # not above: see `Metrics`

        return Response(await anyio.to_thread.run_sync(metrics), media_type=CONTENT_TYPE_LATEST)

    async def get_document(request: Request) -> Response:
        return await answer(document)

    return Starlette(
        routes=[
            Route("/leads/{lead_id:path}", _methods(get_lead, delete_lead), methods=["GET", "DELETE"]),
            Route("/model", get_model, methods=["GET"]),
            Route("/metrics", get_metrics, methods=["GET"]),
            Route("/openapi.json", get_document, methods=["GET"]),
        ]
    )


def _methods(get: Handler, delete: Handler) -> Handler:
    """One route for both, so that the refusal of a third method names both."""

    async def either(request: Request) -> Response:
        return await (delete if request.method == "DELETE" else get)(request)

    return either
