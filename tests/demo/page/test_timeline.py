"""The timeline of the page in Node.js, with a list that keeps the text of its lines."""

import json

import pytest

from tests.demo.page.modules import printed
from tests.harness.node import needs_node

pytestmark = [pytest.mark.processes, needs_node]

SCRIPT = """
class Element {
  children = [];
  setAttribute() {}
  append(...items) { this.children.push(...items); }
  prepend(item) { this.children.unshift(item); }
  get childElementCount() { return this.children.length; }
  set textContent(text) { this.children = [text]; }
  get text() { return this.children.at(-1).text ?? this.children.at(-1); }
}
globalThis.document = { createElement: () => new Element(), createElementNS: () => new Element() };
const list = new Element();
const timeline = new Timeline(list);
for (const [at, name] of EVENTS) {
  Date.now = () => at;
  timeline.gather("in", name);
}
console.log(JSON.stringify(list.children.map((each) => each.text)));
"""


def lines_after(*events: tuple[int, str]) -> list[str]:
    """The lines, newest first, after these clients have connected, each at a time in milliseconds."""
    shown: list[str] = printed("timeline.js", f"const EVENTS = {json.dumps(events)};\n{SCRIPT}")
    return shown


def test_clients_that_connect_soon_after_each_other_share_a_line() -> None:
    assert lines_after((0, "ada"), (2999, "ben"), (5998, "cleo")) == [
        "3 clients are connected: identity knows the ticket."
    ]


def test_a_client_that_connects_again_is_counted_once() -> None:
    assert lines_after((0, "ada"), (10, "ada"), (20, "ben"), (30, "ada")) == [
        "2 clients are connected: identity knows the ticket."
    ]


def test_a_client_that_connects_after_a_pause_gets_a_line_of_its_own() -> None:
    assert lines_after((0, "ada"), (3000, "ben")) == [
        "ben is connected: identity knows the ticket.",
        "ada is connected: identity knows the ticket.",
    ]
