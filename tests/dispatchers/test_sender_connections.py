"""How a try gets its connection: names, look-ups, the pool, and pooled connections that are closed under us."""

import asyncio
import time
from collections.abc import Callable

import pytest

from dispatchers import names as module
from dispatchers.sender import IDEMPOTENCY_KEY, Sender, Try
from dispatchers.verdict import Blocked, Failed, FailureKind, Responded
from runtime import deadlines
from tests.dispatchers.hostile import LOCAL, OK, SERVFAIL, TIMEOUT_S, asking, endpoint, name_server, raw
from tests.dispatchers.receiver import Receiver
from tests.stage import await_condition

WEBHOOK = {IDEMPOTENCY_KEY: "evt_1"}


# ---- names ----------------------------------------------------------------------------------------------------------
async def test_a_name_is_looked_up_once_and_remembered() -> None:
    async with endpoint(raw(OK)) as port, name_server(hook=["127.0.0.1"]) as names, asking(names) as sender:
        made = await asyncio.gather(*(sender.post(f"http://hook.test:{port}/", b"{}", {}) for _ in range(20)))
        made.append(await sender.post(f"http://hook.test:{port}/", b"{}", {}))
    assert {one.outcome for one in made} == {Responded(200)}
    assert names.asked == ["hook.test"]


@pytest.mark.parametrize("fault, kind", [("unknown", "dns"), ("servfail", "dns"), ("silent", "timeout_dns")])
async def test_a_name_that_cannot_be_looked_up_is_not_asked_for_again_at_once(fault: str, kind: FailureKind) -> None:
    async with name_server(servfail=SERVFAIL) as names, asking(names) as sender:
        names.silent.add("silent.test")
        url = f"http://{fault}.test:9/"
        made = await asyncio.gather(*(sender.post(url, b"{}", {}) for _ in range(20)))
        asked = len(names.asked)
        made.append(await sender.post(url, b"{}", {}))
        assert len(names.asked) == asked <= 2, "c-ares may ask one more time on an error"
    assert {one.outcome for one in made} == {Failed(kind)}


async def test_a_name_that_was_mended_is_found_by_a_later_try(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DNS_FAILED_S", 0.0)
    async with endpoint(raw(OK)) as port, name_server() as names, asking(names) as sender:
        url = f"http://hook.test:{port}/"
        assert (await sender.post(url, b"{}", {})).outcome == Failed("dns")
        names.names["hook.test"] = ["127.0.0.1"]
        assert (await sender.post(url, b"{}", {})).outcome == Responded(200)


async def test_failed_names_are_forgotten_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DNS_FAILED_NAMES_MAX", 2)
    async with name_server() as names, asking(names) as sender:
        for host in ("a", "b", "c", "c", "b", "a"):
            await sender.post(f"http://{host}.test/", b"{}", {})
    assert names.asked == ["a.test", "b.test", "c.test", "a.test"]


async def test_a_look_up_slower_than_the_whole_try_hangs_in_its_look_up() -> None:
    async with name_server() as names:
        names.silent.add("slow.test")
        async with asking(names, timeout_s=0.05) as sender:
            assert (await sender.post("http://slow.test:9/", b"{}", {})).outcome == Failed("timeout_dns")


async def test_a_name_with_only_private_addresses_is_blocked() -> None:
    async with name_server(inner=["10.0.0.1", "169.254.169.254"]) as names, asking(names) as sender:
        assert isinstance((await sender.post("http://inner.test/", b"{}", {})).outcome, Blocked)


async def test_of_a_name_with_a_private_address_too_only_the_allowed_one_counts() -> None:
    async with endpoint(raw(OK)) as port, name_server(mixed=["10.0.0.1", "127.0.0.1"]) as names:
        async with asking(names) as sender:
            assert (await sender.post(f"http://mixed.test:{port}/", b"{}", {})).outcome == Responded(200)
        closed = port
    async with name_server(mixed=["10.0.0.1", "127.0.0.1"]) as names, asking(names) as sender:
        assert (await sender.post(f"http://mixed.test:{closed}/", b"{}", {})).outcome == Failed("connect")


# ---- the pool -------------------------------------------------------------------------------------------------------
class Fickle:
    """Answers the first request of its first connection, then does to that connection what it is told."""

    def __init__(self, then: Callable[[asyncio.StreamWriter], None], later: bytes = OK) -> None:
        self.then = then
        self.later = later
        self.requests: list[int] = []
        self.connections = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        mine = self.connections
        while True:
            await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(2)
            self.requests.append(mine)
            if mine == 1 and self.requests.count(1) == 2:
                self.then(writer)
                await writer.drain()
                return
            writer.write(OK if mine == 1 else self.later)
            await writer.drain()
            if mine > 1 and not self.later:
                return


async def twice(endpoint_of: Fickle, headers: dict[str, str]) -> Try:
    async with endpoint(endpoint_of) as port, Sender(LOCAL, timeout_s=TIMEOUT_S, connections=5) as sender:
        url = f"http://127.0.0.1:{port}/"
        assert (await sender.post(url, b"{}", headers)).outcome == Responded(200)
        return await sender.post(url, b"{}", headers)


def closing(writer: asyncio.StreamWriter) -> None:
    writer.close()


def severing(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


@pytest.mark.parametrize("how", [closing, severing])
async def test_a_pooled_connection_closed_under_us_is_not_the_endpoints_failure(
    how: Callable[[asyncio.StreamWriter], None],
) -> None:
    fickle = Fickle(how)
    made = await twice(fickle, WEBHOOK)
    assert made.outcome == Responded(200)
    assert fickle.requests == [1, 1, 2]
    assert made.phases.connect_ms is not None


async def test_the_repeated_request_takes_none_of_the_other_pooled_connections_which_may_be_closed_too() -> None:
    both, connections = asyncio.Barrier(2), 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        first_two = connections <= 2
        await reader.readuntil(b"\r\n\r\n")
        if first_two:
            await both.wait()
        writer.write(OK)
        await writer.drain()
        await reader.readuntil(b"\r\n\r\n")

    async with endpoint(answer) as port, Sender(LOCAL, timeout_s=TIMEOUT_S, connections=5) as sender:
        url = f"http://127.0.0.1:{port}/"
        await asyncio.gather(*(sender.post(url, b"", WEBHOOK) for _ in range(2)))
        assert (await sender.post(url, b"", WEBHOOK)).outcome == Responded(200)
    assert connections == 3


async def test_a_request_without_an_idempotency_key_is_never_repeated() -> None:
    fickle = Fickle(closing)
    assert (await twice(fickle, {})).outcome == Failed("protocol")
    assert fickle.requests == [1, 1]


async def test_half_an_answer_is_an_answer_of_the_endpoint_and_not_repeated() -> None:
    fickle = Fickle(lambda writer: writer.write(b"HTTP/1.1 500 In"))
    assert (await twice(fickle, WEBHOOK)).outcome == Failed("protocol")
    assert fickle.requests == [1, 1]


async def test_a_request_is_repeated_only_once() -> None:
    fickle = Fickle(closing, later=b"")
    assert (await twice(fickle, WEBHOOK)).outcome == Failed("protocol")
    assert fickle.requests == [1, 1, 2]


async def test_a_new_connection_closed_without_an_answer_is_the_endpoints_failure() -> None:
    connections = 0

    async def answer(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")

    async with endpoint(answer) as port, Sender(LOCAL, timeout_s=TIMEOUT_S, connections=5) as sender:
        assert (await sender.post(f"http://127.0.0.1:{port}/", b"{}", WEBHOOK)).outcome == Failed("protocol")
    assert connections == 1


# ---- our own waiting ------------------------------------------------------------------------------------------------
async def test_a_try_that_waits_for_its_slot_spends_none_of_its_time() -> None:
    at_once: set[int] = set()
    answering = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal answering
        while True:
            await reader.readuntil(b"\r\n\r\n")
            answering += 1
            at_once.add(answering)
            await asyncio.sleep(0.25)
            answering -= 1
            writer.write(OK)
            await writer.drain()

    async with endpoint(answer) as port, Sender(LOCAL, timeout_s=0.4, connections=2) as sender:
        made = await asyncio.gather(*(sender.post(f"http://127.0.0.1:{port}/", b"", {}) for _ in range(6)))
    assert {one.outcome for one in made} == {Responded(200)}
    assert max(one.duration_ms for one in made) < 400
    assert max(at_once) == 2


async def test_a_process_that_was_stopped_reads_the_answer_that_came_in_the_meantime(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deadlines, "STALL_S", 0.1)
    receiver = Receiver(delay_s=0.05)  # on a thread of its own
    try:
        async with Sender(LOCAL, timeout_s=0.3, connections=1) as sender:
            trying = asyncio.create_task(sender.post(receiver.url, b"{}", {}))
            await asyncio.to_thread(await_condition, lambda: receiver.hits, what="the request")
            time.sleep(0.5)  # noqa: ASYNC251  # the loop is to stand still
            assert (await trying).outcome == Responded(200)
    finally:
        receiver.close()
