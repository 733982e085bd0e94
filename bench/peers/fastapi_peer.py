"""A connect with FastAPI. A Pydantic model describes the request."""

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from bench.parts.floor import result


class Data(BaseModel):
    """The client's data."""

    token: str


class ConnectRequest(BaseModel):
    """Centrifugo's connect request."""

    client: str
    transport: str
    protocol: str
    encoding: str
    data: Data


app = FastAPI()


@app.post("/centrifugo/connect")
async def connect(request: ConnectRequest) -> dict[str, Any]:
    return {"result": await result(request.model_dump())}
