"""`make run` starts this program. It runs the service and the parts that the service needs, only on loopback."""

import asyncio
import os
import signal
import sys

from demo.centrifugo import BUILT, find_binary
from demo.errors import DemoError
from demo.lines import introduction
from demo.process import first_to_end
from demo.stage import chosen_port, running_stage

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


async def main() -> None:
    """Runs the demonstration until a signal arrives. Raises DemoError."""
    _cancel_on_signal()
    try:
        binary = find_binary(os.environ.get("CENTRIFUGO_BIN", ""), BUILT)
        async with running_stage(chosen_port(), binary, announce) as stage:
            say(introduction(stage))
            raise await first_to_end(stage.parts)
    except asyncio.CancelledError:
        say("The demonstration has ended. All processes have exited, and all temporary files are removed.")


def _cancel_on_signal() -> None:
    """Cancels this task at the first signal. Later signals are ignored, so that they do not interrupt the clean-up."""
    task = asyncio.current_task()
    assert task is not None  # noqa: S101  (for mypy: this runs in a task)
    cancelled = False

    def stop() -> None:
        nonlocal cancelled
        if not cancelled:
            cancelled = True
            task.cancel()

    for number in SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, stop)


def announce(page_url: str) -> None:
    say(f"The page: {page_url} (the service and the other parts are starting)")


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except DemoError as error:
        sys.exit(str(error))
