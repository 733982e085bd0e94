"""Free ports for servers: two processes must not choose the same one."""

import os
from itertools import islice

from tools.ports import CHOICES, PART_VARIABLE, free_ports, ports_of


def test_the_parts_share_no_port_and_together_have_all_ports() -> None:
    parts = [set(islice(ports_of(f"{number}/6"), len(CHOICES))) for number in range(6)]

    assert sum(map(len, parts)) == len(CHOICES)
    assert set().union(*parts) == set(CHOICES)


def test_a_port_is_not_chosen_again_before_all_others() -> None:
    assert sorted(islice(ports_of("0/1"), len(CHOICES))) == list(CHOICES)


def test_a_worker_of_the_tests_has_a_part_of_its_own() -> None:
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    part = f"{worker}/{os.environ.get('PYTEST_XDIST_WORKER_COUNT', '1')}"

    assert os.environ.get(PART_VARIABLE, "0/1") == part
    assert set(free_ports(5)) <= set(islice(ports_of(part), len(CHOICES)))
