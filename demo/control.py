"""The controls of the demonstration, called "levers". They stop identity, let it hang, issue tickets, or set locks."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, Protocol

from demo.identity import MemoryIdentity
from demo.people import HOUSEHOLDS

Lever = Callable[[], Awaitable[str]]
Levers = dict[str, Lever]

# Sentences for the page's timeline. The first word is the kind of the sentence.
DOWN: Final = ("bad", "Identity is down: it refuses connections.")
HANGING: Final = ("bad", "Identity hangs: it accepts calls but does not answer.")
UP: Final = ("news", "Identity is back.")
LOCKED: Final = ("news", "A parent locked the child's chat. The lock takes effect at the next refresh.")
UNLOCKED: Final = ("news", "A parent unlocked the child's chat.")


class Tell(Protocol):
    """A function that adds sentences to the timeline."""

    def __call__(self, *sentences: tuple[str, str]) -> None: ...


def silent(*_: tuple[str, str]) -> None:
    """A `Tell` that does nothing."""


def levers_of(identity: MemoryIdentity, tell: Tell = silent) -> Levers:
    """The levers, by HTTP method and path. Each lever returns the text of the HTTP answer."""

    async def cut_off() -> str:
        await identity.down()
        tell(DOWN)
        return "identity is down"

    async def hang() -> str:
        await identity.hang()
        tell(HANGING)
        return "identity hangs"

    async def bring_back() -> str:
        await identity.up()
        tell(UP)
        return "identity is up"

    async def mint(user: str = "") -> str:
        return identity.mint(user)

    async def lock(*, locked: bool) -> str:
        identity.lock_chat("child", locked=locked)
        tell(LOCKED if locked else UNLOCKED)
        return f"the child's chat is {'locked' if locked else 'open'}"

    return {
        "POST /identity/down": cut_off,
        "POST /identity/hanging": hang,
        "POST /identity/up": bring_back,
        "POST /ticket": mint,
        **{f"POST /ticket/{user}": partial(mint, user) for user in HOUSEHOLDS},
        "POST /lock": partial(lock, locked=True),
        "POST /unlock": partial(lock, locked=False),
    }
