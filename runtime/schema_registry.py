"""A Confluent-compatible schema registry by its HTTP API, for the codec. Asked once per record type and once per id.

Subjects are full record names (RecordNameStrategy), because one topic may hold several record types.
"""

import json
import logging
from typing import Final

import httpx

from schemas.codec import UnknownSchemaError

_LOG = logging.getLogger(__name__)

TIMEOUT_S: Final = 5.0
_CONTENT_TYPE: Final = "application/vnd.schemaregistry.v1+json"


class RegistryUnavailableError(Exception):
    """The registry refused a schema or did not answer; the text names neither credentials nor records."""


class HttpRegistry:
    """The two calls that the codec needs (Confluent Schema Registry API: subjects, schemas)."""

    def __init__(self, url: str) -> None:
        """Remember the address; nothing is asked yet."""
        self._client = httpx.Client(base_url=url.rstrip("/"), timeout=TIMEOUT_S, trust_env=False)

    def id_of(self, record: str, schema: str) -> int:
        """Register a schema, or find it registered, and answer its id.

        Raises:
            RegistryUnavailableError: no answer, or the schema is refused as incompatible.
        """
        document = json.loads(schema)
        subject = f"{document['namespace']}.{record}"
        try:
            answer = self._client.post(
                f"/subjects/{subject}/versions", json={"schema": schema}, headers={"Content-Type": _CONTENT_TYPE}
            )
        except httpx.HTTPError as error:
            raise RegistryUnavailableError(f"the schema registry did not answer: {type(error).__name__}") from None
        if answer.status_code != httpx.codes.OK:
            raise RegistryUnavailableError(f"the schema registry refused {subject} with {answer.status_code}")
        return int(answer.json()["id"])

    def schema_of(self, schema_id: int) -> str | None:
        """Schema text of an id, or None where the registry has none.

        Raises:
            UnknownSchemaError: the registry did not answer; the record waits.
        """
        try:
            answer = self._client.get(f"/schemas/ids/{schema_id}")
        except httpx.HTTPError as error:
            raise UnknownSchemaError(f"the schema registry did not answer: {type(error).__name__}") from None
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        if answer.status_code != httpx.codes.OK:
            raise UnknownSchemaError(f"the schema registry answered {answer.status_code}")
        return str(answer.json()["schema"])
