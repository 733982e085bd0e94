"""Keeps the workers of pytest-xdist apart: each has its own ports, and a group of tests runs in one worker.

The scheduler forgets finished tests. pytest-xdist 3.8 keeps them, and counts all tests of a worker after each test.
That takes seconds in a run of thousands of tests.

pytest-xdist 3.8 writes a test's group into `Item._nodeid`, which pytest 9.2 no longer reads. Without this plugin every
worker may start the processes of every group. A pytest plugin, loaded by tests/conftest.py.
"""

import os

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadGroupScheduling
from xdist.workermanage import WorkerController

from tools.ports import PART_VARIABLE


def pytest_configure() -> None:
    """Give this worker its part of the free ports. Otherwise two workers may start servers on the same port."""
    worker, count = os.environ.get("PYTEST_XDIST_WORKER"), os.environ.get("PYTEST_XDIST_WORKER_COUNT")
    if worker and count:
        os.environ[PART_VARIABLE] = f"{worker.removeprefix('gw')}/{count}"


class ForgettingScheduling(LoadGroupScheduling):
    """`--dist loadgroup`, without the finished groups of each worker."""

    def mark_test_complete(self, node: WorkerController, item_index: int, duration: float = 0) -> None:
        super().mark_test_complete(node, item_index, duration)
        work = self.assigned_work[node]
        self.assigned_work[node] = {group: tests for group, tests in work.items() if not all(tests.values())}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ForgettingScheduling | None:
    """The scheduler of `--dist loadgroup`; None for any other value, which pytest-xdist handles."""
    return ForgettingScheduling(config, log) if config.getvalue("dist") == "loadgroup" else None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Append the group to the test's id, where the scheduler looks for it."""
    if not config.getoption("loadgroup", False):  # set by pytest-xdist, in its workers
        return
    for item in items:
        groups = sorted({str(mark.args[0]) for mark in item.iter_markers("xdist_group")})
        if groups and not item.nodeid.endswith(f"@{'_'.join(groups)}"):
            item._id = item._id.parse(f"{item.nodeid}@{'_'.join(groups)}")
