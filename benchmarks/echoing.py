"""The scoring service with one more endpoint, which gives back what it was sent: what the server itself costs."""

from __future__ import annotations

from typing import Any

import bentoml
from pydantic_core import to_json
from starlette.responses import Response

from serving import service
from serving.http.doorway import Doorway
from serving.http.schemas import ScoreAnswer, ScoreRequest


@bentoml.service(**service.OPTIONS)
class Echoing(service.LeadReadiness.inner):  # type: ignore[misc, name-defined]
    """Scores, and echoes through the same doors."""

    @bentoml.api(route="/echo", input_spec=ScoreRequest, output_spec=ScoreAnswer)
    async def echo(self, body: Any, /) -> Response:
        """The request's leads, as they came."""
        return Response(to_json(body), media_type="application/json")


Echoing.add_asgi_middleware(Doorway, settings=service.SETTINGS, log=service.LOG)
