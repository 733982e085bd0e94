"""The sentences that the page shows about an outage."""

import pytest

from demo.web.story import Phase, change_of_phase, change_of_pool

WINDOW_S = 3.0


@pytest.mark.parametrize(
    ("before", "after", "sentences"),
    [
        (Phase.STARTING, Phase.WELL, [("good", "The service is ready. Identity decides about every connection.")]),
        (Phase.WELL, Phase.WELL, []),
        (
            Phase.WELL,
            Phase.FAILING,
            [("warning", "Identity does not answer. If this lasts longer than 3 seconds, it is an outage.")],
        ),
        (
            Phase.FAILING,
            Phase.OUTAGE,
            [("bad", "Outage: no answer for 3 seconds. Clients now connect with fallback tickets.")],
        ),
        (
            Phase.OUTAGE,
            Phase.RECOVERING,
            [("news", "Identity answers the service's probes again. If it also answers a client, the outage is over.")],
        ),
        (
            Phase.RECOVERING,
            Phase.OUTAGE,
            [("bad", "A client's call failed again. The outage continues, and clients connect with fallback tickets.")],
        ),
        (Phase.RECOVERING, Phase.WELL, [("good", "Identity decides about every connection again, after 14 seconds.")]),
    ],
)
def test_each_change_of_the_phase_has_its_sentence(
    before: Phase, after: Phase, sentences: list[tuple[str, str]]
) -> None:
    assert [*change_of_phase(before, after, 14.2, WINDOW_S)] == sentences


@pytest.mark.parametrize(
    ("before", "after", "sentences"),
    [
        (20, 19, [("warning", "Only 19 fallback tickets are left. This is below the low watermark of 20.")]),
        (21, 20, []),
        (19, 18, []),
        (1, 0, [("bad", "No fallback tickets are left. Clients wait until identity is back.")]),
        (60, 0, [("bad", "No fallback tickets are left. Clients wait until identity is back.")]),
        (0, 0, []),
    ],
)
def test_a_pool_that_falls_below_its_watermark_or_runs_out_has_one_sentence(
    before: int, after: int, sentences: list[tuple[str, str]]
) -> None:
    assert [*change_of_pool(before, after, 20)] == sentences
