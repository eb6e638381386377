"""The stopwatch of a try: which parts have a time, and what it adds up to."""

import pytest

from dispatchers.phases import Phase, Phases, Stopwatch

WALKS: list[tuple[str, list[tuple[Phase, float]], float, Phases]] = [
    ("a pooled connection", [], 7.9, Phases(response_ms=7)),
    ("an address", [("connect", 0.0), ("response", 3.0)], 10.0, Phases(connect_ms=3, response_ms=7)),
    ("a name, hung", [("dns", 0.0)], 2000.0, Phases(dns_ms=2000)),
    ("a name remembered", [("dns", 0.2), ("connect", 0.3)], 4.0, Phases(dns_ms=0, connect_ms=3)),
    (
        "a second address after a handshake that failed",
        [("dns", 0.0), ("connect", 2.0), ("tls", 5.0), ("connect", 9.0), ("tls", 10.0), ("response", 30.0)],
        100.0,
        Phases(dns_ms=2, connect_ms=4, tls_ms=24, response_ms=70),
    ),
]


@pytest.mark.parametrize("name, entered, stopped, expected", WALKS, ids=[walk[0] for walk in WALKS])
def test_every_part_has_its_time_and_what_comes_again_adds_up(
    name: str, entered: list[tuple[Phase, float]], stopped: float, expected: Phases
) -> None:
    watch = Stopwatch("response", 0.0)
    for number, (phase, now) in enumerate(entered):
        if number == 0:
            watch.restart(phase, now)
        else:
            watch.enter(phase, now)
    watch.stop(stopped)
    watch.stop(stopped + 1)
    assert (watch.read(), watch.read()) == (expected, expected)
