"""From a raw record to a fact: parse by the adapter, classify, tell the list where it can be told. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, assert_never

import msgspec

from processors import brake
from processors.aggregate import key_of
from processors.classify import DEFAULT_POLICY, Policy, classify, policy_of
from processors.facts import DEFAULT_FAILURE_POLICY, Fact, FailurePolicy, MessageFact, Origin, Refusal, ReportFact
from schemas import ids
from schemas.config import ListSettings, Snapshot
from schemas.phone import is_e164
from schemas.providers.callback import Adapter, DeliveryReport, InboundMessage, Nothing, Parsed, Unparsable
from schemas.records import RawCallback

TEXT_CHARS_MAX: Final = 20_000
"""Twelve times the longest text that a provider joins from parts."""
ID_CHARS_MAX: Final = 4096
"""Ids, keys and details of providers have a few hundred characters at most."""


@dataclass(frozen=True, slots=True)
class Ignored:
    """Well formed, and tells nothing of ours."""

    reason: str


@dataclass(frozen=True, slots=True)
class ListRules:
    """What the configuration says of one list, ready for the fold and the forwards."""

    failures: FailurePolicy = DEFAULT_FAILURE_POLICY
    forward_delivery: bool = False
    forward_inbound: bool = False
    words: Policy = DEFAULT_POLICY
    """How the list's contacts say stop."""
    account_wide: bool = False
    """An opt-out ends texting from every list of the account."""


class Rules:
    """A snapshot of the configuration in the form the processor asks for it."""

    def __init__(self, snapshot: Snapshot, *, partitions: int = 1) -> None:
        """Index the snapshot; the more partitions, the fewer outcomes of a list each of them sees."""
        self._snapshot = snapshot
        finals = brake.finals_min(partitions)
        self._lists: dict[tuple[str, str], ListRules] = {
            (item.account, item.number): _rules_of(item, finals) for item in snapshot.lists.values()
        }
        self._none = ListRules(FailurePolicy(finals_min=finals))
        self._by_id: dict[tuple[str, str], str] = {}
        self._only: dict[tuple[str, str], str | None] = {}
        for item in snapshot.lists.values():
            if item.provider is not None and item.provider_id is not None:
                self._by_id[item.account, f"{item.provider}:{item.provider_id}"] = item.number
            if item.provider is not None:
                slot = (item.account, item.provider)
                self._only[slot] = None if slot in self._only else item.number

    def of(self, account: str, list_number: str | None) -> ListRules:
        """Rules of a list; the defaults where it is not configured."""
        return self._none if list_number is None else self._lists.get((account, list_number), self._none)

    def knows(self, account: str, list_number: str) -> bool:
        """Whether a list is configured."""
        return (account, list_number) in self._lists

    def lists_of(self, account: str) -> tuple[str, ...]:
        """Numbers of an account's lists."""
        return tuple(item.number for item in self._snapshot.lists_of(account))

    def hint(self, account: str, named: str | None, in_payload: str | None) -> str | None:
        """The list as the callback URL names it, else as the payload does, by its number or the provider's own id.

        A number in the payload counts when it is a phone number or configured; a sender name only when configured.
        """
        if named is not None:
            return named
        if in_payload is not None and (account, in_payload) in self._by_id:
            return self._by_id[account, in_payload]
        if in_payload is not None and (
            (account, in_payload) in self._lists or in_payload.isdigit() or is_e164(in_payload)
        ):
            return in_payload
        return None

    def only(self, account: str, provider: str) -> str | None:
        """The only list that is configured for a provider."""
        return self._only.get((account, provider))


def interpret(  # noqa: PLR0911 - one return per kind of answer
    raw: RawCallback, *, partition: int, offset: int, adapters: Mapping[str, Adapter], rules: Rules
) -> Fact | Ignored | Refusal:
    """Read one raw record."""
    adapter = adapters.get(raw["provider"])
    if adapter is None:
        return Refusal("provider_unknown", "no adapter of this version reads this provider")
    parsed = adapter.parse(raw)
    if _is_too_long(parsed):
        return Refusal("malformed", "a text or an id is longer than any that a provider sends")
    match parsed:
        case DeliveryReport():
            if parsed.to != raw["phone"]:
                return Refusal("misrouted", "the record's key is not the contact of its body")
            origin = _origin(
                raw, "dlr", parsed.natural_key, parsed.sender, partition=partition, offset=offset, rules=rules
            )
            return ReportFact(origin, parsed)
        case InboundMessage():
            if parsed.sender != raw["phone"]:
                return Refusal("misrouted", "the record's key is not the contact of its body")
            origin = _origin(raw, "mo", parsed.natural_key, parsed.to, partition=partition, offset=offset, rules=rules)
            return _message(parsed, origin, rules)
        case Nothing():
            return Ignored(parsed.reason)
        case Unparsable():
            return Refusal(parsed.reason, parsed.detail)
        case _:
            assert_never(parsed)


def _message(parsed: InboundMessage, origin: Origin, rules: Rules) -> MessageFact:
    """Judge a text by the rules of its list, as far as the list can be told before the contact is looked up."""
    of_list = rules.of(origin.account, origin.list_hint or origin.only_list)
    judged = classify(parsed.body, provider_verdict=parsed.verdict, policy=of_list.words)
    stops = judged.label == "opt_out"
    every = (stops or parsed.part is not None) and (of_list.account_wide or parsed.every_list)
    lists = rules.lists_of(origin.account) if every else ()
    if stops and lists and origin.list_hint is None and origin.only_list is None:
        origin = msgspec.structs.replace(origin, list_hint=lists[0])
    return MessageFact(origin, parsed, judged, of_list.words, lists)


def _is_too_long(parsed: Parsed) -> bool:
    """Events must fit their topics: one that does not would be refused, and read again, for ever."""
    match parsed:
        case InboundMessage():
            names: tuple[str | None, ...] = (parsed.natural_key, parsed.provider_message_id, parsed.answers_message_id)
            return len(parsed.body) > TEXT_CHARS_MAX or _any_longer(names)
        case DeliveryReport():
            return _any_longer(
                (parsed.natural_key, parsed.provider_message_id, parsed.message_id, parsed.status_detail)
            )
        case _:
            return False


def _any_longer(names: tuple[str | None, ...]) -> bool:
    return any(name is not None and len(name) > ID_CHARS_MAX for name in names)


def _origin(
    raw: RawCallback,
    kind: str,
    natural_key: str | None,
    number: str | None,
    *,
    partition: int,
    offset: int,
    rules: Rules,
) -> Origin:
    provider, account = raw["provider"], raw["account"]
    weak = natural_key is None
    key = ids.content_key(raw["body"]) if natural_key is None else natural_key
    return Origin(
        account,
        provider,
        raw["phone"],
        raw["received_at"],
        partition,
        offset,
        rules.hint(account, raw["list"], number),
        key_of(provider, kind, key),
        weak,
        ids.coordinates_key(partition, offset) if weak else key,
        raw["mid"],
        rules.only(account, provider),
        raw["redriven"],
    )


def _rules_of(item: ListSettings, finals_min: int) -> ListRules:
    limits = item.compliance
    return ListRules(
        FailurePolicy(
            limits.failure_threshold,
            limits.failure_window_ms,
            limits.failure_spacing_ms,
            finals_min,
            limits.filtered_is_spam,
            limits.blocklist_is_optout,
        ),
        item.forward.delivery is not None,
        item.forward.reply is not None,
        policy_of(limits.keywords, limits.languages, limits.spam_action, limits.stop_signs),
        limits.optout_scope == "account",
    )
