"""The registry's documented HTTP API on a real socket: register, look up, refuse, and be away."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

import pytest

from runtime.schema_registry import HttpRegistry, RegistryUnavailableError
from schemas import codec
from schemas.codec import UnknownSchemaError, decoder, encoder, schema_text


class Api(BaseHTTPRequestHandler):
    schemas: ClassVar[list[str]] = []
    subjects: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        subject = self.path.split("/")[2]
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if subject == "trackly.v1.Erasure":
            self._answer(409, {"error_code": 409, "message": "incompatible"})
            return
        if body["schema"] not in self.schemas:
            self.schemas.append(body["schema"])
            self.subjects.append(subject)
        self._answer(200, {"id": self.schemas.index(body["schema"]) + 1})

    def do_GET(self) -> None:
        number = int(self.path.rsplit("/", 1)[1])
        if 0 < number <= len(self.schemas):
            self._answer(200, {"schema": self.schemas[number - 1]})
        else:
            self._answer(404, {"error_code": 40403, "message": "not found"})

    def _answer(self, status: int, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Quiet."""


@pytest.fixture
def url() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Api)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_records_are_framed_with_the_registrys_id_and_read_by_it(url: str) -> None:
    registry = HttpRegistry(url)
    with pytest.raises(RegistryUnavailableError):
        encoder("Erasure", registry=registry)
    request = {
        "account": "a", "list_number": "l", "phone_number": "p", "message_id": "m", "requested_at": 1, "expires_at": 2,
    }  # fmt: skip
    framed = encoder("SendRequest", registry=registry)(request)
    assert framed[0] == 0
    assert "trackly.v1.SendRequest" in Api.subjects
    assert decoder("SendRequest", registry=HttpRegistry(url))(framed) == ("SendRequest", request)
    with pytest.raises(UnknownSchemaError):
        decoder("SendRequest", registry=registry)(b"\x00\x00\x00\x03\xe7rest")


def test_a_process_that_names_a_registry_uses_it_everywhere(url: str) -> None:
    codec.use_registry(HttpRegistry(url))
    try:
        assert encoder("SendDecision")(
            {
                "account": "a", "list_number": "l", "phone_number": "p", "message_id": "m", "approved": True,
                "reason": "r", "decided_at": 1, "valid_until": 2,
            }
        )[:1] == b"\x00"  # fmt: skip
    finally:
        codec.use_registry(None)
    assert json.loads(schema_text("SendDecision"))["name"] == "SendDecision"


def test_a_registry_that_is_away_is_said_so() -> None:
    registry = HttpRegistry("http://127.0.0.1:9")
    with pytest.raises(RegistryUnavailableError, match="did not answer"):
        registry.id_of("SendRequest", schema_text("SendRequest"))
    with pytest.raises(UnknownSchemaError):
        registry.schema_of(1)
