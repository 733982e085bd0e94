"""A connect with Starlette."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from bench.parts.floor import result


async def connect(request: Request) -> JSONResponse:
    return JSONResponse({"result": await result(await request.json())})


app = Starlette(routes=[Route("/centrifugo/connect", connect, methods=["POST"])])
