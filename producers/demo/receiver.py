"""The demo's customer: checks both signatures as customers do, and fails now and then on purpose."""

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from random import Random

from aiohttp import web
from standardwebhooks.webhooks import Webhook, WebhookVerificationError


@dataclass(slots=True)
class Seen:
    """What arrived."""

    delivered: set[str] = field(default_factory=set)
    """webhook-id of every webhook that was answered 200 with good signatures."""
    repeated: int = 0
    failed_on_purpose: int = 0
    bad_signatures: int = 0


class Receiver:
    """An endpoint on loopback."""

    def __init__(self, secret: str, rng: Random, failure_share: float) -> None:
        """`failure_share` of first tries is answered 500."""
        self._secret = secret
        self._webhook = Webhook(base64.b64encode(secret.encode()).decode())
        self._rng = rng
        self._share = failure_share
        self._refused: set[str] = set()
        self.seen = Seen()
        self._runner: web.AppRunner | None = None

    async def start(self) -> str:
        """Listen on a free port of loopback; answers the URL."""
        app = web.Application()
        app.router.add_post("/webhooks", self._take)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        return f"http://127.0.0.1:{port}/webhooks"

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        seen = self.seen
        if not self._is_signed(body, {name.lower(): value for name, value in request.headers.items()}):
            seen.bad_signatures += 1
            return web.Response(status=401)
        name = request.headers["webhook-id"]
        if name not in self._refused and name not in seen.delivered and self._rng.random() < self._share:
            self._refused.add(name)
            seen.failed_on_purpose += 1
            return web.Response(status=500)
        if name in seen.delivered:
            seen.repeated += 1
        seen.delivered.add(name)
        return web.Response(status=200)

    def _is_signed(self, body: bytes, headers: dict[str, str]) -> bool:
        documented = "sha256=" + hmac.new(self._secret.encode(), body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(documented, headers.get("x-trackly-signature", "")):
            return False
        try:
            self._webhook.verify(body, headers)
        except WebhookVerificationError:
            return False
        return True
