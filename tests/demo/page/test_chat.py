"""The chat of the page in Node.js, with a list that keeps the text of its items."""

import json
from typing import Any

import pytest

from tests.demo.page.modules import printed
from tests.harness.node import needs_node

pytestmark = [pytest.mark.processes, needs_node]

DOCUMENT = """
class Element {
  children = [];
  textContent = "";
  append(...items) { this.children.push(...items); }
  get childElementCount() { return this.children.length; }
  get text() { return this.children.map((each) => each.text ?? each).join("|"); }
}
class Small extends Element {
  get text() { return this.textContent || super.text; }
}
globalThis.document = { createElement: (name) => (name === "small" ? new Small() : new Element()) };
const list = Object.assign(new Element(), { parentElement: {} });
const chat = new Chat(list);
for (const [at, message] of EVENTS) {
  Date.now = () => at;
  chat.hear(message);
}
console.log(JSON.stringify(list.children.map((each) => each.text)));
"""


def shown_after(*events: tuple[int, dict[str, Any]]) -> list[str]:
    """The texts of the list after these messages, each received at a time in milliseconds."""
    shown: list[str] = printed("chat.js", f"const EVENTS = {json.dumps(events)};\n{DOCUMENT}")
    return shown


def test_a_message_that_two_clients_receive_is_shown_once() -> None:
    walk = {"data": {"text": "a walk"}}

    assert shown_after((1999, walk), (2001, walk)) == ["the server|a walk|received by 2 clients"]


def test_the_same_text_without_an_id_is_a_new_message_after_two_seconds() -> None:
    walk = {"data": {"text": "a walk"}}

    shown = shown_after((0, walk), (1999, walk), (2001, walk))

    assert shown == ["the server|a walk|received by 2 clients", "the server|a walk|received by 1 client"]


def test_messages_with_an_id_are_compared_by_their_id() -> None:
    first, second = ({"data": {"text": "a walk", "id": each}, "sender": "parent"} for each in ("1", "2"))

    shown = shown_after((0, first), (0, second), (9000, first))

    assert shown == ["parent|a walk|received by 2 clients", "parent|a walk|received by 1 client"]
