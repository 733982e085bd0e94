"""The items that a page has not fetched yet."""

from demo.web.feed import KEPT, Feed


def test_only_newer_items_are_returned_oldest_first() -> None:
    feed = Feed()
    for text in "abc":
        feed.add(text=text)

    assert feed.after(1) == [{"seq": 2, "text": "b"}, {"seq": 3, "text": "c"}]
    assert feed.after(3) == []


def test_old_items_are_dropped() -> None:
    feed = Feed()
    for _ in range(KEPT + 1):
        feed.add()

    kept = feed.after(0)

    assert (len(kept), kept[0]["seq"]) == (KEPT, 2)
