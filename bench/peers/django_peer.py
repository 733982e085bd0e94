"""A connect with Django, as in Django's documentation: an async view with ASGIHandler, without middlewares."""

import json

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path

from bench.parts.floor import result


async def connect(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"result": await result(json.loads(request.body))})


urlpatterns = [path("centrifugo/connect", connect)]

settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, MIDDLEWARE=[], USE_TZ=True)
django.setup(set_prefix=False)
app = get_asgi_application()
