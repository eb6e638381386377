"""From a record to its tasks, or to the dead letter of one that cannot be read. Looks up, produces nothing."""

from dispatchers.task import UntrustedTaskError, check, dead_letter, fan_out, unreadable
from runtime.config_follower import ConfigFollower
from runtime.kafka.records import Message
from schemas.codec import decoder
from schemas.events import RECORDS
from schemas.records import DeadLetter, DeliveryTask
from schemas.topics import PublicEvent


class Intake:
    """Reads the events of one type and tasks; without a type, tasks of whatever type."""

    def __init__(self, follower: ConfigFollower, event: PublicEvent | None = None) -> None:
        """Make the decoders once."""
        self._event = event
        self._follower = follower
        self._read_event = None if event is None else decoder(RECORDS[event])
        self._read_task = decoder("DeliveryTask")

    def tasks(self, message: Message, *, is_task: bool) -> list[DeliveryTask]:
        """The task that a record is, or one task per endpoint that wants the event; subscriptions are read now.

        Raises:
            UnknownSchemaError: a newer version wrote it; it is to be read again.
            PoisonError, UntrustedTaskError: nobody will ever read it.
        """
        value = message.value() or b""
        if is_task or self._event is None or self._read_event is None:
            _, task = self._read_task(value)
            check(task, self._event)
            return [task]
        _, event = self._read_event(value)
        return fan_out(self._event, event, self._follower.snapshot.endpoints_of(event["account"]))

    def letter(self, message: Message, error: Exception, *, now: int) -> DeadLetter:
        """The dead letter of a record that nobody will ever read, with its bytes and where it lay."""
        reason = "untrusted" if isinstance(error, UntrustedTaskError) else "undecodable"
        where = (message.topic(), message.partition(), message.offset())
        return dead_letter(
            unreadable(self._event or "unknown"), [], reason, now=now, source=where, raw_value=message.value() or b""
        )
