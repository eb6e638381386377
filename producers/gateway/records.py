"""The records that a request becomes: fragments for `callbacks.raw`, copies for `callbacks.quarantine`. Pure.

No credential, signature or path secret is in any of them.
"""

from collections.abc import Iterable

from producers.gateway.request import Target, kept_fields, kept_headers
from schemas.codec import encoder
from schemas.ids import content_key
from schemas.providers.callback import BadFragment, CallbackRequest, Fragment
from schemas.records import Quarantined, RawCallback
from schemas.topics import QUARANTINE, RAW, contact_key

Slot = tuple[str, str, bytes]
"""Topic, key, value."""


class Records:
    """Writes the records of one topic prefix."""

    def __init__(self, topic_prefix: str) -> None:
        """Make the encoders once."""
        self._raw_topic = topic_prefix + RAW
        self._quarantine_topic = topic_prefix + QUARANTINE
        self._raw = encoder("RawCallback")
        self._quarantined = encoder("Quarantined")

    def of_fragments(
        self,
        target: Target,
        provider: str,
        request: CallbackRequest,
        fragments: Iterable[Fragment],
        *,
        credentials: frozenset[str] = frozenset(),
    ) -> list[Slot]:
        """One record per report or message, keyed by its contact; `credentials` are values that no query may keep."""
        account, topic, encode = target.account, self._raw_topic, self._raw
        headers = kept_headers(request.headers)
        slots: list[Slot] = []
        for fragment in fragments:
            query = dict(target.kept_query)
            if fragment.query:
                query.update(kept_fields(fragment.query, credentials))
            record: RawCallback = {
                "account": account,
                "provider": provider,
                "kind": fragment.kind if fragment.kind != "unknown" else target.kind,
                "phone": fragment.phone,
                "body": fragment.body,
                "content_type": fragment.content_type,
                "headers": headers,
                "query": query,
                "mid": target.mid,
                "list": target.list_number,
                "received_at": request.received_at,
                "redriven": False,
            }
            slots.append((topic, contact_key(account, fragment.phone), encode(record)))
        return slots

    def of_bad(self, target: Target, provider: str, request: CallbackRequest, bad: BadFragment) -> Slot:
        """One item of a good envelope that could not be used."""
        record = self._copy(target, provider, request, reason=bad.reason, detail=bad.detail)
        record["body"], record["content_type"] = bad.body, bad.content_type
        record["phone"], record["kind"] = bad.phone, bad.kind if bad.kind != "unknown" else target.kind
        return self._quarantine_topic, content_key(bad.body), self._quarantined(record)

    def of_whole(self, target: Target, provider: str, request: CallbackRequest, *, reason: str, detail: str) -> Slot:
        """A whole request that was not split; without a body its query is what tells it from others."""
        record = self._copy(target, provider, request, reason=reason, detail=detail)
        record["split"] = False
        told = request.body or repr(sorted(target.kept_query.items())).encode("utf-8", "replace")
        return self._quarantine_topic, content_key(told), self._quarantined(record)

    def _copy(
        self, target: Target, provider: str, request: CallbackRequest, *, reason: str, detail: str
    ) -> Quarantined:
        return {
            "account": target.account,
            "provider": provider,
            "kind": target.kind,
            "phone": None,
            "body": request.body,
            "content_type": request.content_type,
            "headers": kept_headers(request.headers),
            "query": dict(target.kept_query),
            "mid": target.mid,
            "list": target.list_number,
            "received_at": request.received_at,
            "reason": reason,
            "detail": detail,
            "stage": "gateway",
            "split": True,
            "source_topic": None,
            "source_partition": None,
            "source_offset": None,
            "quarantined_at": request.received_at,
        }
