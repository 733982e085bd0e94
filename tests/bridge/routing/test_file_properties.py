"""Reading any routes file gives routes, or faults with their lines, and raises no other exception."""

from typing import Any

import tomli_w
from hypothesis import example, given
from hypothesis import strategies as st

from bridge.routing.action_file import KEYS
from bridge.routing.faults import RoutesError
from bridge.routing.file import ROUTE, read_routes
from bridge.routing.model import Routes
from tests.bridge.given import no_file
from tests.harness.examples import examples

TEMPLATES = st.sampled_from(
    [
        *("", "a", "a:{b}", "{a[]}", "{a[].b}:c", "{", "}", "{{", "{a}{b}", "{a?}", "{@key}", "{@ce.type}", "{@}"),
        *("{@header.x}", "a..b", "a[]", "a.b", "@topic", "10m", "0", "*", "position", "event", "^a", "^(", "protobuf"),
    ]
)
TEXTS = st.one_of(TEMPLATES, st.text(st.characters(exclude_categories=["Cs"]), max_size=5))
VALUES = st.recursive(
    st.one_of(TEXTS, st.integers(-(2**70), 2**70), st.booleans(), st.floats(), st.dates(), st.datetimes()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(st.sampled_from(["field", "equals", "in", "exists", "prefix", "event"]), TEXTS), inner, max_size=3
        ),
    ),
    max_leaves=6,
)
ACTIONS = st.sampled_from(sorted(KEYS)).flatmap(
    lambda do: st.fixed_dictionaries({"do": st.just(do)}, optional=dict.fromkeys(KEYS[do][1:], VALUES))
)
CHANNELS = st.sampled_from(["a", "a:{b}", "user:{ids[]}", "{b}"])
SOUND = st.fixed_dictionaries(
    {"do": st.just("publish"), "channel": CHANNELS, "fields": st.just(["id"])}, optional={"version": st.just("{v}")}
)
LISTS = st.lists(st.one_of(ACTIONS, SOUND, VALUES), max_size=3)
ROUTES = st.fixed_dictionaries(
    {"name": st.one_of(st.sampled_from(["ab", "cd"]), VALUES), "topics": st.one_of(st.just(["t"]), VALUES)},
    optional={**dict.fromkeys(set(ROUTE) - {"name", "topics", "actions"}, VALUES), "actions": LISTS},
)
HOSTILE_FILES = st.fixed_dictionaries(
    {"version": st.one_of(st.just(1), VALUES), "routes": st.one_of(st.lists(ROUTES, max_size=3), VALUES)},
    optional={"defaults": VALUES, "more": VALUES},
)
SOUND_ROUTES = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["ab", "cd"]),
        "topics": st.just(["t"]),
        "actions": st.lists(SOUND, min_size=1, max_size=3),
    }
)
SOUND_FILES = st.fixed_dictionaries({"version": st.just(1), "routes": st.lists(SOUND_ROUTES, min_size=1, max_size=2)})
SOUND_FILE = {
    "version": 1,
    "routes": [{"name": "ab", "topics": ["t"], "actions": [{"do": "publish", "channel": "a", "fields": ["id"]}]}],
}


def read(text: str) -> Routes | RoutesError:
    try:
        return read_routes(text, "routes.toml", no_file)
    except RoutesError as error:
        return error


@given(tree=st.one_of(HOSTILE_FILES, SOUND_FILES))
@example(tree=SOUND_FILE)
@examples(150)
def test_reading_a_file_gives_routes_or_faults_with_their_lines(tree: dict[str, Any]) -> None:
    text = tomli_w.dumps(tree)

    result = read(text)

    if isinstance(result, RoutesError):
        assert result.faults
        for fault in result.faults:
            assert 1 <= fault.line <= text.count("\n") + 1
            assert fault.key
            assert fault.saw
            assert fault.accepted
            assert "\n" not in fault.sentence("routes.toml")
    else:
        assert all(route.actions and route.topics and route.name for route in result.routes)


@given(text=st.one_of(st.text(max_size=80), st.text("[]{}=.\"'#\n ab1,", max_size=40)))
@examples(200)
def test_reading_an_arbitrary_text_gives_faults_and_raises_no_other_exception(text: str) -> None:
    result = read(text)

    assert isinstance(result, RoutesError)
