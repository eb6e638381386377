"""Asks the send gate and waits for its answers, for a sending service or a command. Blocks; one thread owns it.

S1  What is read begins before the question is written, so that no answer is missed.
S2  A message id that was answered within its validity gets that answer again, as the gate says nothing new.
S3  An answer is for the list that it names: a message id that was used for another list has none until that expires.
S4  What is not answered in time is said to be so, never taken for a yes.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, Self

from runtime.clock import mono_s, now_ms
from runtime.kafka.latest import Latest
from runtime.kafka.one_shot import Write, Writer
from schemas import topics
from schemas.codec import decoder, encoder
from schemas.records import SendDecision, SendRequest
from schemas.settings import Settings

TOGETHER: Final = 2000
"""Questions under way at once; more would only wait in the processor."""
PATIENCE_S: Final = 30.0
"""How long after the last answer the rest is waited for; a processor's takeover takes some ten seconds."""
EXPIRES_MS: Final = 30 * 60_000
"""A question is stale after this long (DESIGN.md section 3)."""
_VALID_MS: Final = 60_000
"""How long an answer holds; answers that old may still be the ones to a question asked again."""
_POLL_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A question without an answer in time; ask again, and send nothing."""

    request: SendRequest


Answer = SendDecision | Unanswered
_Key = tuple[str, str, str, str]


class SendGate:
    """The producer side of the send gate."""

    def __init__(self, settings: Settings, *, patience_s: float = PATIENCE_S) -> None:
        """Open both directions; `close` lets go of them.

        Raises:
            ClusterError: no such topic, no right, or no answer.
        """
        prefix = settings.topic_prefix
        self._patience_s = patience_s
        self._topic = prefix + topics.SENDS_REQUESTED
        answers = [prefix + topics.SENDS_APPROVED, prefix + topics.SENDS_BLOCKED]
        self._answers = Latest(settings.kafka, answers, since_ms=now_ms() - _VALID_MS)
        self._writer = Writer(settings.kafka)
        self._encode, self._decode = encoder("SendRequest"), decoder("SendDecision")
        self._valid: dict[_Key, SendDecision] = {}

    def __enter__(self) -> Self:
        """Ask within."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of the clients."""
        self.close()

    def close(self) -> None:
        """Let go of the clients."""
        self._answers.close()

    def ask(self, requests: Iterable[SendRequest]) -> Iterator[Answer]:
        """Ask, TOGETHER at a time, and yield an answer for each question; order is that of the answers.

        Raises:
            ClusterError: a question could not be written, or answers cannot be read.
        """
        waiting = iter(requests)
        while some := list(islice(waiting, TOGETHER)):
            yield from self._ask(some)

    def _ask(self, requests: Sequence[SendRequest]) -> Iterator[Answer]:
        self._writer.write(
            Write(self._topic, topics.contact_key(one["account"], one["phone_number"]), self._encode(one))
            for one in requests
        )
        pending = {_key(one): one for one in requests}
        heard_at = mono_s()
        while pending and mono_s() - heard_at < self._patience_s:
            for found in self._heard():
                self._valid[_key(found)] = found
            for key in [key for key in pending if self._is_valid(key)]:
                heard_at = mono_s()
                yield self._valid.pop(key)
                del pending[key]
        self._forget()
        yield from map(Unanswered, pending.values())

    def _heard(self) -> list[SendDecision]:
        values = [message.value() for message in self._answers.read(_POLL_S)]
        return [self._decode(value)[1] for value in values if value is not None]

    def _is_valid(self, key: _Key) -> bool:
        found = self._valid.get(key)
        return found is not None and (not found["approved"] or found["valid_until"] > now_ms())

    def _forget(self) -> None:
        """Answers to others' questions pass by too; those that no longer hold are nobody's."""
        now = now_ms()
        self._valid = {key: found for key, found in self._valid.items() if found["valid_until"] > now}


def request_for(account: str, list_number: str, phone: str, message_id: str, *, now: int) -> SendRequest:
    """A question as it is asked now, milliseconds since the epoch."""
    return {
        "account": account,
        "list_number": list_number,
        "phone_number": phone,
        "message_id": message_id,
        "requested_at": now,
        "expires_at": now + EXPIRES_MS,
    }


def _key(one: SendRequest | SendDecision) -> _Key:
    return one["account"], one["list_number"], one["phone_number"], one["message_id"]
