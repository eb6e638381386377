"""The three public event bodies: exactly the documented fields, in the documented order. Pure."""

from collections.abc import Callable
from typing import Any, Final

import orjson

from schemas.records import DeliveryEvent, ReplyEvent, UnsubscribeEvent
from schemas.timestamps import to_public


def delivery_body(event: DeliveryEvent) -> bytes:
    """JSON body of a `delivery` webhook."""
    return orjson.dumps(
        {
            "event": "delivery",
            "message_id": event["message_id"],
            "to": event["to"],
            "list_number": event["list_number"],
            "status": event["status"],
            "status_detail": event["status_detail"],
            "provider": event["provider"],
            "timestamp": to_public(event["timestamp"]),
        }
    )


def unsubscribe_body(event: UnsubscribeEvent) -> bytes:
    """JSON body of an `unsubscribe` webhook."""
    return orjson.dumps(
        {
            "event": "unsubscribe",
            "phone_number": event["phone_number"],
            "list_number": event["list_number"],
            "keyword": event["keyword"],
            "timestamp": to_public(event["timestamp"]),
        }
    )


def reply_body(event: ReplyEvent) -> bytes:
    """JSON body of a `reply` webhook."""
    return orjson.dumps(
        {
            "event": "reply",
            "phone_number": event["phone_number"],
            "list_number": event["list_number"],
            "body": event["body"],
            "timestamp": to_public(event["timestamp"]),
        }
    )


BODIES: Final[dict[str, Callable[[Any], bytes]]] = {
    "delivery": delivery_body,
    "unsubscribe": unsubscribe_body,
    "reply": reply_body,
}
"""Event type to the function that writes its body."""
RECORDS: Final = {"delivery": "DeliveryEvent", "unsubscribe": "UnsubscribeEvent", "reply": "ReplyEvent"}
"""Event type to its record type."""
