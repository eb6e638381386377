"""The records that a fold tells the world: events, contact state, ledger. Pure; every id is deterministic."""

import hashlib
from typing import TYPE_CHECKING

from processors.classify import RULESET_VERSION
from schemas import ids
from schemas.records import ContactState, DeliveryEvent, LedgerEntry, ReplyEvent, UnsubscribeEvent

if TYPE_CHECKING:
    from processors.aggregate import ListState
    from processors.consent import Decided
    from processors.facts import CommandFact, MessageFact, Origin, ReportFact
    from processors.failures import AfterReport


def delivery_event(fact: "ReportFact", list_number: str, message_id: str) -> DeliveryEvent:
    """The `delivery` event of a report."""
    origin, report = fact.origin, fact.report
    return {
        "event_id": ids.event_id(origin.account, origin.provider, "delivery", list_number, origin.natural_key),
        "account": origin.account,
        "message_id": message_id,
        "to": report.to,
        "list_number": list_number,
        "status": report.status,
        "status_detail": report.status_detail,
        "provider": origin.provider,
        "timestamp": report.at if report.at is not None else origin.received_at,
        "received_at": origin.received_at,
        "provider_message_id": report.provider_message_id,
        "failure_class": report.failure_class,
    }


def unsubscribe_event(fact: "MessageFact", list_number: str) -> UnsubscribeEvent:
    """The `unsubscribe` event of a message."""
    origin, message, found = fact.origin, fact.message, fact.classification
    return {
        "event_id": ids.event_id(origin.account, origin.provider, "unsubscribe", list_number, origin.natural_key),
        "account": origin.account,
        "phone_number": message.sender,
        "list_number": list_number,
        "keyword": found.keyword or "STOP",
        "timestamp": message.at if message.at is not None else origin.received_at,
        "received_at": origin.received_at,
        "provider": origin.provider,
        "provider_message_id": message.provider_message_id,
        "match_type": found.match_type or "exact",
        "rule_id": found.rule_id or "",
        "ruleset_version": found.ruleset_version,
        "matched_text": found.matched_text,
    }


def unsubscribe_event_of_report(fact: "ReportFact", list_number: str) -> UnsubscribeEvent:
    """The `unsubscribe` event of a failure code that says the contact told the carrier to stop (PROVIDERS.md)."""
    origin, report = fact.origin, fact.report
    return {
        "event_id": ids.event_id(origin.account, origin.provider, "unsubscribe", list_number, origin.natural_key),
        "account": origin.account,
        "phone_number": report.to,
        "list_number": list_number,
        "keyword": "STOP",
        "timestamp": report.at if report.at is not None else origin.received_at,
        "received_at": origin.received_at,
        "provider": origin.provider,
        "provider_message_id": report.provider_message_id,
        "match_type": "provider",
        "rule_id": "report.opted_out",
        "ruleset_version": RULESET_VERSION,
        "matched_text": None,
    }


def reply_event(fact: "MessageFact", list_number: str) -> ReplyEvent:
    """The `reply` event of a message."""
    origin, message, found = fact.origin, fact.message, fact.classification
    return {
        "event_id": ids.event_id(origin.account, origin.provider, "reply", list_number, origin.natural_key),
        "account": origin.account,
        "phone_number": message.sender,
        "list_number": list_number,
        "body": message.body,
        "timestamp": message.at if message.at is not None else origin.received_at,
        "received_at": origin.received_at,
        "provider": origin.provider,
        "provider_message_id": message.provider_message_id,
        "label": found.label,
        "rule_id": found.rule_id,
        "tags": list(found.tags),
    }


def contact_state(origin: "Origin", list_number: str, state: "ListState", event_id: str) -> ContactState:
    """The public state of a contact on a list."""
    return {
        "account": origin.account,
        "list_number": list_number,
        "phone_number": origin.phone,
        "active": state.active,
        "reason": state.reason,
        "source_event_id": event_id,
        "unsubscribed_at": state.unsubscribed_at,
        "changed_at": state.changed_at,
    }


def ledger_of_message(
    fact: "MessageFact", list_number: str | None, decided: "Decided", event_id: str | None, now: int
) -> LedgerEntry:
    """The ledger entry of a decision that a message brought."""
    message, found = fact.message, fact.classification
    entry = _ledger(fact.origin, list_number, decided, found.rule_id or "", event_id, now)
    entry["label"], entry["keyword"], entry["match_type"] = found.label, found.keyword, found.match_type
    entry["ruleset_version"] = found.ruleset_version
    entry["provider_message_id"], entry["provider_time"] = message.provider_message_id, message.at
    entry["text_hash"] = hashlib.sha256(message.body.encode("utf-8", "surrogatepass")).hexdigest()
    return entry


def ledger_of_report(
    fact: "ReportFact", list_number: str | None, after: "AfterReport", event_id: str | None, now: int
) -> LedgerEntry:
    """The ledger entry of a decision that a delivery report brought."""
    entry = _ledger(fact.origin, list_number, after, after.rule_id, event_id, now)
    entry["provider_message_id"], entry["provider_time"] = fact.report.provider_message_id, fact.report.at
    return entry


def ledger_of_command(fact: "CommandFact", list_number: str | None, decided: "Decided", now: int) -> LedgerEntry:
    """The ledger entry of a decision that a command brought."""
    entry = _ledger(fact.origin, list_number, decided, f"command.{fact.kind}", None, now)
    entry["provider_message_id"], entry["actor"] = fact.origin.natural_key, fact.actor
    return entry


def _ledger(
    origin: "Origin",
    list_number: str | None,
    decided: "Decided | AfterReport",
    rule_id: str,
    event_id: str | None,
    now: int,
) -> LedgerEntry:
    """What every entry says; what no message, provider or person was behind stays empty."""
    return {
        "account": origin.account,
        "phone_number": origin.phone,
        "list_number": list_number,
        "decision": decided.decision,
        "reason": decided.state.reason,
        "label": "reply",
        "keyword": None,
        "match_type": None,
        "rule_id": rule_id,
        "ruleset_version": RULESET_VERSION,
        "provider": origin.provider,
        "provider_message_id": None,
        "provider_time": None,
        "received_at": origin.received_at,
        "decided_at": now,
        "text_hash": None,
        "event_id": event_id,
        "actor": None,
        "source_partition": origin.partition,
        "source_offset": origin.offset,
    }
