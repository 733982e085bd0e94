"""Parsing FALLBACK_CLAIMS_URL."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fallback.claims.url import (
    BadClaimsUrl,
    Folder,
    Login,
    Place,
    RedisSentinel,
    RedisServer,
    RedisSocket,
    parse_claims_url,
)

NO_LOGIN = Login()


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("redis://host", RedisServer("host", 6379, 0, NO_LOGIN)),
        ("redis://host:7000/3", RedisServer("host", 7000, 3, NO_LOGIN)),
        ("redis://:p%40ss%2F@host", RedisServer("host", 6379, 0, Login("", "p@ss/"))),
        ("redis://me:pass@[::1]:7000/", RedisServer("::1", 7000, 0, Login("me", "pass"))),
        (
            "rediss://host?ssl_ca_certs=/etc/ca.pem&ssl_certfile=/c.pem&ssl_keyfile=/k.pem",
            RedisServer("host", 6379, 0, NO_LOGIN, True, "/etc/ca.pem", "/c.pem", "/k.pem"),
        ),
        ("unix:///run/redis.sock", RedisSocket("/run/redis.sock", 0, NO_LOGIN)),
        ("unix://:pass@/run/redis.sock?db=2", RedisSocket("/run/redis.sock", 2, Login("", "pass"))),
        (
            "redis+sentinel://:pass@a:26380,b/mymaster/1",
            RedisSentinel((("a", 26380), ("b", 26379)), "mymaster", 1, Login("", "pass"), NO_LOGIN),
        ),
        (
            "redis+sentinel://a/mymaster?sentinel_password=other",
            RedisSentinel((("a", 26379),), "mymaster", 0, NO_LOGIN, Login("", "other")),
        ),
        ("file:///var/lib/claims", Folder(Path("/var/lib/claims"))),
        (" file:///with%20space/ ", Folder(Path("/with space"))),
    ],
)
def test_each_accepted_form_is_read(url: str, place: Place) -> None:
    assert parse_claims_url(url) == place


@pytest.mark.parametrize(
    "url",
    [
        "host:6379",
        "http://host",
        "redis+cluster://host",
        "redis://",
        "redis://:pass@",
        "redis://host:0",
        "redis://host:99999",
        "redis://host:x",
        "redis://host/db",
        "redis://host?socket_timeout=9",
        "redis://:pa?ss@host",
        "redis://:pa#ss@host",
        "rediss://host?ssl_certfile=/c.pem",
        "unix://host/run/redis.sock",
        "unix:///",
        "unix:run/redis.sock",
        "redis+sentinel://a,b",
        "redis+sentinel://a,/mymaster",
        "file://folder",
        "file:///",
        "file:claims",
        "redis://[::1",
        "a secret without a scheme",
    ],
)
def test_any_other_form_is_refused(url: str) -> None:
    with pytest.raises(BadClaimsUrl):
        parse_claims_url(url)


@given(
    secret=st.text(min_size=6), form=st.sampled_from(["{}", "redis://:{}@host", "redis://{}", "unix://{}", "{}://h"])
)
def test_no_error_and_no_representation_shows_the_secret(secret: str, form: str) -> None:
    try:
        place = parse_claims_url(form.format(secret))
    except BadClaimsUrl as refused:
        shown = str(refused)
    else:
        shown = repr(place) if ":{}@" in form else ""

    assert secret not in shown


@pytest.mark.parametrize("url", ["redis://:pa?ss@host", "redis://:pa?s=s@host"])
def test_the_error_for_a_question_mark_in_a_password_says_how_to_write_it(url: str) -> None:
    with pytest.raises(BadClaimsUrl, match="in a password, write %3F"):
        parse_claims_url(url)
