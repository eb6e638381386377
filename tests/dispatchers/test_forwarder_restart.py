"""The forwarder drained in the middle of its work: what was in flight ends, what was queued is the next one's."""

from schemas import topics
from tests.dispatchers.receiver import Receiver
from tests.dispatchers.test_forwarder import task
from tests.stage import Stage, await_condition


def test_a_drained_forwarder_leaves_the_rest_to_the_next_and_repeats_nothing(stage: Stage) -> None:
    receiver = Receiver(delay_s=0.2)
    try:
        stage.configure(
            "accounts:\n  - id: acme\n    lists:\n"
            f'      - {{number: "+18005551234", forward: {{delivery: "{receiver.url}"}}}}\n'
        )
        first = stage.start("forwarder").await_ready()
        count = 60
        stage.produce(topics.FORWARDS, "ForwardTask", [task(number, "delivery") for number in range(count)])
        await_condition(lambda: len(receiver.hits) > 8, what="the first forwards")
        assert first.terminate() == 0
        assert len(receiver.hits) < count, "the drain waits for what is in flight, not for the queue"
        stage.start("forwarder").await_ready()
        await_condition(lambda: len({hit.body for hit in receiver.hits}) == count, what="every forward")
        assert len(receiver.hits) == count
    finally:
        receiver.close()
