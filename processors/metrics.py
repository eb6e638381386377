"""Metrics of the processor: one line each, with a sentence. Label sets are closed; children exist from the start."""

from typing import Final, get_args

from prometheus_client import Counter, Gauge, Histogram

from processors.facts import GateReason
from schemas.providers import registry

PROVIDERS: Final = (*sorted(registry.adapters()), "other")
STATUSES: Final = ("pending", "delivered", "undeliverable", "expired", "rejected", "none")
REASONS: Final = (
    "malformed", "phone_invalid", "list_unknown", "misrouted", "provider_unknown", "undecodable", "account_mismatch",
    "state_unreadable", "no_secret_keys",
)  # fmt: skip

RECORDS = Counter(
    "trackly_classify_records_total", "Events decided, by type and status.", ["event", "status", "provider"]
)
REPEATS = Counter("trackly_classify_repeats_total", "Fragments that a provider sent again; they changed nothing.")
IGNORED = Counter("trackly_classify_ignored_total", "Fragments that tell nothing of ours.")
TRANSACTIONS = Counter("trackly_classify_transactions_total", "Transactions by how they ended.", ["outcome"])
TRANSACTION_S = Histogram(
    "trackly_classify_transaction_seconds",
    "Time from the first produce of a transaction to its commit.",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 15),
)
BATCH = Histogram(
    "trackly_classify_batch_records", "Records in a transaction.", buckets=(1, 5, 20, 50, 100, 500, 1000, 2000, 5000)
)
QUARANTINED = Counter("trackly_classify_quarantined_total", "Fragments put in quarantine.", ["reason"])
CONTACT_CHANGES = Counter(
    "trackly_classify_contact_changes_total", "Contacts that became active or inactive.", ["reason"]
)
OPTOUT_MATCHES = Counter(
    "trackly_classify_optout_matches_total", "Opt-outs by how they were understood.", ["match_type"]
)
UNKNOWN_CODE = Counter("trackly_classify_unknown_code_total", "Statuses or codes in no table of ours.", ["provider"])
TIME_INVALID = Counter("trackly_classify_time_invalid_total", "Provider times that could not be read.", ["provider"])
UNASSIGNED = Counter("trackly_classify_unassigned_optouts_total", "Opt-outs without a list; every list is blocked.")
WITHHELD = Counter(
    "trackly_classify_removals_withheld_total", "Removals not made because too many of the list failed; look at it."
)
DECISIONS = Counter("trackly_gate_decisions_total", "Answers to send requests, by reason.", ["reason"])
REPEATED_REQUESTS = Counter(
    "trackly_gate_repeats_total", "Send requests whose answer still holds; nothing was told again."
)
COMMANDS = Counter("trackly_classify_commands_total", "Contact commands carried out.", ["command", "outcome"])
RESTORE_S = Gauge("trackly_classify_state_restore_seconds", "Time of the last restore of all partitions.")
STATE_ENTRIES = Counter("trackly_classify_restored_records_total", "Changelog records applied by restores.")
STATE_REBUILDS = Counter(
    "trackly_classify_state_rebuilds_total", "Stores deleted and built anew: not of this changelog, or unreadable."
)
COMMITTED_LOST = Counter(
    "trackly_classify_offset_below_log_total", "Committed offsets below the log's start: lost input."
)

for _outcome in ("committed", "aborted", "unknown"):
    TRANSACTIONS.labels(_outcome)
for _reason in (*REASONS, "other"):
    QUARANTINED.labels(_reason)
for _provider in PROVIDERS:
    UNKNOWN_CODE.labels(_provider)
    TIME_INVALID.labels(_provider)
    for _event in ("unsubscribe", "reply"):
        RECORDS.labels(_event, "none", _provider)
    for _status in STATUSES[:-1]:
        RECORDS.labels("delivery", _status, _provider)
for _reason in ("message", "manual", "complaint", "bad_response", "invalid_contact", "api", "resubscribed", "unknown"):
    CONTACT_CHANGES.labels(_reason)
for _match in ("provider", "exact", "format", "misspelling", "obfuscated", "phrase", "abuse"):
    OPTOUT_MATCHES.labels(_match)

for _reason in get_args(GateReason):
    DECISIONS.labels(_reason)
for _command in ("opt_out", "opt_in", "erase", "import"):
    for _outcome in ("done", "repeated"):
        COMMANDS.labels(_command, _outcome)

RECORD_CHILDREN: Final = {
    (event, status, provider): RECORDS.labels(event, status, provider)
    for provider in PROVIDERS
    for event, statuses in (("delivery", STATUSES[:-1]), ("unsubscribe", ("none",)), ("reply", ("none",)))
    for status in statuses
}
