"""The line of each key, for many ways to write keys and values."""

import tomllib

import pytest

from bridge.routing.toml_lines import KeyLines, KeyPath

TEXT = """\
version = 1 # [[routes]]
[defaults]
root = '''
[[routes]]
name = "no route"
'''
[[routes]]
name = "a"
topics = [
  "x", # ] and "
  "y=]",
]
where = [{ field = "a", in = ["["] },
  { field = 'b', exists = true }]
  [[routes.actions]]
  do = "publish"
  data.author.id = "x"
    [routes.actions.tags]
    "odd key" = \"\"\"a""\\\\\"\"\"
[[ routes . "actions" ]]
do = "publish"

[[routes]]
actions = [
  { do = "refresh" },
  { do = "disconnect" },
]
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("version",), 1),
        (("defaults", "root"), 3),
        (("routes", 0), 7),
        (("routes", 0, "name"), 8),
        (("routes", 0, "topics"), 9),
        (("routes", 0, "topics", 0), 10),
        (("routes", 0, "topics", 1), 11),
        (("routes", 0, "where", 0, "in"), 13),
        (("routes", 0, "where", 1), 14),
        (("routes", 0, "actions", 0), 15),
        (("routes", 0, "actions", 0, "do"), 16),
        (("routes", 0, "actions", 0, "data"), 15),  # the line of the table, because no line has this key alone
        (("routes", 0, "actions", 0, "data", "author", "id"), 17),
        (("routes", 0, "actions", 0, "tags"), 18),
        (("routes", 0, "actions", 0, "tags", "odd key"), 19),
        (("routes", 0, "actions", 1), 20),
        (("routes", 0, "actions", 1, "do"), 21),
        (("routes", 1), 23),
        (("routes", 1, "actions", 1), 26),
        (("routes", 1, "actions", 1, "do"), 26),
        (("routes", 7), 7),  # where the list begins
        (("else",), 1),
        ((), 1),
    ],
)
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_a_key_is_found_on_its_line(path: KeyPath, line: int, ends: str) -> None:
    text = TEXT.replace("\n", ends)
    tomllib.loads(text)

    assert KeyLines(text).line(path) == line
