"""`trackly parse` for whatever a person gives it: objects, or a sentence and exit code 2."""

import json

from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.cli import main
from schemas.providers import registry
from tests.fuzz.spoil import spoilt
from tests.schemas.providers.fixtures import everything

BODIES = [one.request.body for one in everything()]


@settings(max_examples=60, deadline=None)
@given(
    provider=st.sampled_from(registry.names()),
    body=st.binary(max_size=120) | st.builds(spoilt, st.sampled_from(BODIES), st.integers(0, 2**32)),
    query=st.text(max_size=30),
    content_type=st.sampled_from(["", "application/json", "application/x-www-form-urlencoded; charset=\xff"]) | st.text(max_size=20),
    header=st.just("X: 1") | st.text(max_size=10),
    kind=st.sampled_from(["delivery", "inbound"]),
)  # fmt: skip
def test_whatever_is_parsed_is_shown_or_refused_and_never_a_traceback(
    provider: str, body: bytes, query: str, content_type: str, header: str, kind: str
) -> None:
    options = [f"--query={query}", f"--content-type={content_type}", f"--header={header}", f"--kind={kind}"]
    result = CliRunner().invoke(main, ["parse", provider, *options], input=body)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert result.exit_code in {0, 2}
    assert result.exit_code == 0 or result.stderr.startswith(("trackly: ", "well formed", "a report"))
    assert all(one["kind"] in {"delivery", "inbound"} for one in map(json.loads, result.stdout.splitlines()))
