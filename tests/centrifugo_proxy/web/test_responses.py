"""`JsonResponse`, whose body is bytes, behaves like Django's response, except that nothing can be appended."""

from collections.abc import Callable

import pytest
from django.http import HttpResponse

from centrifugo_proxy.web.responses import JsonResponse

BODY = b'{"result":{}}'


def of_django() -> HttpResponse:
    return HttpResponse(BODY, content_type="application/json", headers={"Content-Length": str(len(BODY))})


@pytest.mark.parametrize(
    "read",
    [
        lambda response: response.content,
        lambda response: response.getvalue(),
        lambda response: response.text,
        lambda response: response.tell(),
        list,
        lambda response: (response.status_code, response.reason_phrase, response.charset, response.streaming),
        lambda response: (dict(response.headers), dict(response.cookies)),
        lambda response: repr(response).partition(" ")[2],
        lambda response: (response.close(), response.closed),
    ],
    ids=["content", "getvalue", "text", "tell", "iterated", "status", "headers", "repr", "closed"],
)
def test_a_json_response_behaves_like_djangos_response(read: Callable[[HttpResponse], object]) -> None:
    assert read(JsonResponse(BODY)) == read(of_django())


def test_the_body_of_a_json_response_is_the_object_that_was_given() -> None:
    assert JsonResponse(BODY).content is BODY


def test_responses_share_neither_headers_nor_cookies() -> None:
    first, second = JsonResponse(BODY), JsonResponse(BODY, 503)

    first.headers["Connection"] = "close"
    first.set_cookie("a", "b")

    assert (dict(second.cookies), "Connection" in second.headers, second.status_code) == ({}, False, 503)


def test_nothing_can_be_appended_to_a_json_response() -> None:
    response = JsonResponse(BODY)

    assert not response.writable()
    with pytest.raises(OSError, match="not writable"):
        response.write(b"more")
    with pytest.raises(OSError, match="not writable"):
        response.writelines([b"more"])
