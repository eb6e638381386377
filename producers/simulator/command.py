"""The command `trackly simulate`."""

import asyncio
import json
import signal
import sys
from random import Random
from typing import Any, Final

import click

from producers.simulator.callbacks import PROVIDERS, SPELLINGS, Source
from producers.simulator.driver import Driver, Pace, Summary
from producers.simulator.scenario import SCENARIOS, Origin
from runtime.clock import now_ms
from schemas.providers import registry

_QUANTILES: Final = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
EXIT_REFUSED: Final = 1


class Provider(click.Choice[str]):
    """A provider that can be simulated, also by another name of it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The provider's own name."""
        adapter = registry.get(str(value))
        return super().convert(adapter.name if adapter is not None else value, param, ctx)


@click.command()
@click.option("--provider", type=Provider(PROVIDERS), required=True, help="Whose format and authentication.")
@click.option("--rate", type=click.FloatRange(min=0, min_open=True), help="Callbacks a second; by default no limit.")
@click.option("--count", type=click.IntRange(min=0), default=100, show_default=True, help="0: until stopped.")
@click.option("--scenario", type=click.Choice(SCENARIOS), default="mixed", show_default=True, help="What happens.")
@click.option("--gateway", default="http://127.0.0.1:8080", show_default=True, help="Where to post.")
@click.option("--public-url", help="Base URL that the provider signs; by default the gateway's.")
@click.option("--account", default="acme", show_default=True)
@click.option("--list", "list_number", default="+18005551234", show_default=True, help="Number of the list.")
@click.option("--secret", envvar="SIMULATE_SECRET", help="Path secret; also SIMULATE_SECRET.")
@click.option("--credential", envvar="SIMULATE_CREDENTIAL", help="What it signs with; also SIMULATE_CREDENTIAL.")
@click.option("--seed", type=int, help="Same seed, same callbacks; by default another one each time.")
@click.option("--batch", type=click.IntRange(1, 2000), default=1, show_default=True, help="Reports in a callback.")
@click.option("--repeats", type=click.FloatRange(0, 1), default=0.0, show_default=True, help="Share sent twice.")
@click.option(
    "--disorder", type=click.FloatRange(0, 1), default=0.0, show_default=True, help="Share of reports out of order."
)
def simulate(**options: Any) -> None:
    """Post callbacks as a provider does; one JSON object with counts and latencies, exit 1 if any was refused.

    The credential is the value that the configuration file has for the provider (for Twilio its `auth_token`); for
    Telnyx it is the seed of the private key in base64.
    """
    spelling = SPELLINGS[options["provider"]]
    if spelling.credential is not None and not (options["credential"] or options["secret"]):
        raise click.UsageError(
            f"{options['provider']} signs by --credential ({spelling.credential}), or has a --secret"
        )
    if spelling.credential is None and options["credential"]:
        raise click.UsageError(f"{options['provider']} signs nothing; give --secret")
    if options["scenario"] == "deliveries" and spelling.reports_max == 0:
        raise click.UsageError(f"{options['provider']} reports no deliveries")
    credentials = {spelling.credential: options["credential"]} if spelling.credential and options["credential"] else {}
    origin = Origin(
        provider=options["provider"],
        account=options["account"],
        list_number=options["list_number"],
        base_url=options["public_url"] or options["gateway"],
        secret=options["secret"],
        credentials=credentials,
    )
    pace = Pace(count=options["count"] or None, rate=options["rate"], repeats=options["repeats"])
    rng = Random(options["seed"])  # noqa: S311 - traffic, not secrets
    source = Source(origin, options["scenario"], rng, batch=options["batch"], disorder=options["disorder"])
    summary = asyncio.run(_run(source, rng, gateway=options["gateway"], pace=pace))
    click.echo(json.dumps({"provider": origin.provider, "scenario": options["scenario"], **shown(summary)}))
    sys.exit(EXIT_REFUSED if summary.refused else 0)


def shown(summary: Summary) -> dict[str, Any]:
    """A summary as the command prints it; latencies in milliseconds."""
    quantiles = {name: summary.latencies.quantile_s(share) for name, share in _QUANTILES.items()}
    latency = {**quantiles, "max": summary.latencies.max_s if summary.latencies.count else None}
    return {
        "acknowledged": summary.acknowledged,
        "refused": summary.refused,
        "repeated": summary.repeated,
        "facts": summary.facts,
        "seconds": round(summary.seconds, 3),
        "answers": dict(sorted(summary.answers.items())),
        "latency_ms": {name: None if value is None else round(value * 1000, 2) for name, value in latency.items()},
    }


async def _run(source: Source, rng: Random, *, gateway: str, pace: Pace) -> Summary:
    driver = Driver(gateway, pace, rng=rng)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, driver.stop)
    return await driver.run(lambda: source.next(now=now_ms()))
