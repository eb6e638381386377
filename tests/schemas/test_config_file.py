"""The configuration file: what is taken, what is refused with line and path, and what is only doubted."""

import contextlib
import re
import time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import SecretStr

from schemas.config_file import ALIASES, PROVIDERS, ConfigFile, ConfigFileError, SecretSource, read
from schemas.providers.registry import by_any_name, credential_names

UNKNOWN_PROVIDER = (
    "unknown provider; one of infobip, twilio, cm, lime, eztexting, vonage, sinch, telnyx, plivo, bird, bandwidth"
)
UNKNOWN_ALGORITHM = "unknown; one of HMAC_MD5, HMAC_SHA_1, HMAC_SHA_224, HMAC_SHA_256, HMAC_SHA_384, HMAC_SHA_512"
TAG_REFUSED = "a tag that is not taken here; a value that begins with ! must be quoted"
UNFOLDED = "t.yaml: not YAML: its aliases unfold to far more than was written"
WHOLE = """\
accounts:
  - id: acme
    providers:
      infobip: {secret: "a-path-secret"}
      twilio: {auth_token: ["first-token", {env: TWILIO_TOKEN}]}
      nexmo: {secret_file: /run/secrets/vonage}
      cm: {allow_unauthenticated: true}
    lists:
      - number: "+1 (800) 555-1234"
        provider: messagebird
        forward: {delivery: "https://example.com/dlr"}
        compliance: {failure_threshold: 3, failure_window: 30d, failure_spacing: 12h}
    notify: {url: "https://example.com/notices", env: NOTIFY_SECRET}
    endpoints:
      - id: main
        url: "https://example.com/trackly?a=b%2Fc"
        secret: "a-signing-secret"
        events: [delivery, reply]
        filters: {list_numbers: ["+18005551234"], statuses: [delivered]}
        concurrency: 8
        rate_per_s: 2.5
        headers: {Authorization: Bearer abc}
"""


def parsed(text: str) -> ConfigFile:
    return read(text, name="t.yaml", credential_names=credential_names, url_refusal=lambda _: None)


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigFileError) as refused:
        parsed(text)
    return refused.value.problems


def warnings(text: str) -> list[str]:
    heard: list[str] = []
    read(text, name="t.yaml", credential_names=credential_names, url_refusal=lambda _: None, warn=heard.append)
    return heard


def account(body: str) -> str:
    """One account, its body from line 3."""
    return "accounts:\n  - id: acme\n" + "".join(f"    {line}\n" for line in body.splitlines())


def endpoint(body: str) -> str:
    """One endpoint of one account, its body on line 4."""
    return account("endpoints:\n  - {id: main, url: 'https://example.com/', secret: long-enough, " + body + "}")


def test_the_whole_documented_file_is_read() -> None:
    (acme,) = parsed(WHOLE).accounts
    assert acme.access.keys() == {"infobip", "twilio", "vonage", "cm"}
    assert acme.access["twilio"].credentials["auth_token"] == (
        SecretStr("first-token"),
        SecretSource(env="TWILIO_TOKEN"),
    )
    assert acme.access["vonage"].credentials == {"secret": (SecretSource(secret_file="/run/secrets/vonage"),)}
    assert acme.access["cm"].allow_unauthenticated
    (numbers,) = acme.lists
    assert (numbers.number, numbers.provider) == ("+18005551234", "bird")
    assert numbers.compliance.failure_window == 30 * 86_400_000
    assert numbers.compliance.failure_spacing == 12 * 3_600_000
    assert acme.notify is not None
    assert acme.notify.secrets == (SecretSource(env="NOTIFY_SECRET"),)
    (main,) = acme.endpoints
    assert main.url == "https://example.com/trackly?a=b%2Fc"
    assert (main.events, main.concurrency, main.rate_per_s) == (("delivery", "reply"), 8, 2.5)
    assert main.headers == {"Authorization": "Bearer abc"}
    assert warnings(WHOLE) == []


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "accounts: []\n"])
def test_an_empty_file_has_no_account(text: str) -> None:
    assert parsed(text).accounts == ()


@pytest.mark.parametrize(
    "written, meant",
    [("0012345678", "0012345678"), ("1e9", "1e9"), ("true", "true"), ("2024-01-15", "2024-01-15"), ("0x10", "0x10")],
)
def test_an_unquoted_secret_stays_as_it_was_written(written: str, meant: str) -> None:
    found = parsed(account(f"providers:\n  infobip: {{secret: {written}}}")).accounts[0]
    assert found.access["infobip"].credentials["secret"] == (SecretStr(meant),)


@pytest.mark.parametrize(
    "written, meant", [("+18005551234", "+18005551234"), ("012345", "012345"), ("ACME", "ACME"), ("00442071838750", "+442071838750")]
)  # fmt: skip
def test_an_unquoted_number_is_the_number(written: str, meant: str) -> None:
    assert parsed(account(f"lists:\n  - number: {written}")).accounts[0].lists[0].number == meant


@pytest.mark.parametrize(
    "text, sentence",
    [
        # not a document of ours
        ("- a\n", "t.yaml:1: file: must be a mapping"),
        ("hello\n", "t.yaml:1: file: must be a mapping"),
        ("accounts:\n", "t.yaml:1: accounts: must be a list"),
        ("accounts:\n\t- id: a\n", "t.yaml:2: not YAML: found character '\\t' that cannot start any token"),
        ("a: 1\n---\nb: 2\n", "t.yaml:2: not YAML: but found another document"),
        ("a: \x07\n", "t.yaml: not YAML: it holds a character that YAML does not allow"),
        ("accounts: !!python/object:os.system {}\n",
         f"t.yaml:1: not YAML: {TAG_REFUSED}"),
        ("a: !!timestamp 2024-99-99\n", f"t.yaml:1: not YAML: {TAG_REFUSED}"),
        ("a: !!timestamp x\n", f"t.yaml:1: not YAML: {TAG_REFUSED}"),
        ("a: !!bool maybe\n", f"t.yaml:1: not YAML: {TAG_REFUSED}"),
        ("a: !!int ''\n", f"t.yaml:1: not YAML: {TAG_REFUSED}"),
        ("a: !!float x\n", f"t.yaml:1: not YAML: {TAG_REFUSED}"),
        (f"a: !!int {'9' * 5000}\n", f"t.yaml:1: not YAML: {TAG_REFUSED}"),
        ("? !!binary aGk=\n: 1\n", f"t.yaml:1: not YAML: {TAG_REFUSED}"),
        ('\na: "\\UFFFFFFFF"\n', "t.yaml: not YAML: an escape is no character, or a version no number"),
        (f"%YAML 1.{'9' * 5000}\n---\na: b\n", "t.yaml: not YAML: an escape is no character, or a version no number"),
        (account('endpoints:\n  - {id: m, secret: "\\uD800"}'), "t.yaml:4: not YAML: an escape stands for no character"),
        (account('endpoints:\n  - {id: m, secret_file: "\\0"}'), "t.yaml:4: not YAML: an escape stands for no character"),
        ("[" * 5000, "t.yaml:1: not YAML: more than 50 levels"),
        ("{a: " * 5000, "t.yaml:1: not YAML: more than 50 levels"),
        ("- " * 5000, "t.yaml:1: not YAML: more than 50 levels"),
        (account("providers: {cm: {secret: ab,cd}}"),
         "t.yaml:3: not YAML: a key without a value; a value that holds a comma must be quoted"),
        # keys
        ("acounts: []\n", "t.yaml:1: acounts: unknown key"),
        (account("colour: blue"), "t.yaml:3: accounts[0].colour: unknown key"),
        (account('endpoints:\n  - {id: notify, url: "https://example.com/", secret: a-signing-secret}'),
         "t.yaml:4: accounts[0].endpoints[0].id: notify is where the account's notices go; name it otherwise"),
        (account("id: again"), "t.yaml:3: accounts[0].id: stands twice"),
        (endpoint("colour: blue"), "t.yaml:4: accounts[0].endpoints[0].colour: unknown key"),
        ("accounts:\n  - lists: []\n", "t.yaml:2: accounts[0].id: is missing"),
        ("accounts: &a\n  - *a\n", "t.yaml:1: accounts[0]: must be a mapping"),
        # ids
        ("accounts:\n  - id: a/b\n", "t.yaml:2: accounts[0].id: String should match pattern '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'"),
        ("accounts:\n  - id: a\n  - id: a\n", "t.yaml:3: accounts[1].id: stands twice"),
        (account("endpoints:\n  - {id: m, url: 'https://x/', secret: long-enough}\n  - {id: m, url: 'https://x/', secret: long-enough}"),
         "t.yaml:5: accounts[0].endpoints[1].id: stands twice in this account"),
        # lists
        (account("lists:\n  - number: '+18005551234'\n  - number: 1 800 555 1234"),
         "t.yaml:5: accounts[0].lists[1].number: stands twice in this account"),
        (account("lists:\n  - number: '\u0663\u0663\u0663'"), "t.yaml:4: accounts[0].lists[0].number: not a phone number, short code or sender name"),
        (account("lists:\n  - number: '+1'"), "t.yaml:4: accounts[0].lists[0].number: not a phone number, short code or sender name"),
        (account("lists:\n  - number: whatsapp:+18005551234"),
         "t.yaml:4: accounts[0].lists[0].number: not a phone number, short code or sender name"),
        (account("lists:\n  - {number: ACME, provider: carrier-pigeon}"),
         f"t.yaml:4: accounts[0].lists[0].provider: {UNKNOWN_PROVIDER}"),
        (account("lists:\n  - number: ACME\n    compliance:\n      failure_window: 30 days"),
         "t.yaml:6: accounts[0].lists[0].compliance.failure_window: a duration is a number and ms, s, m, h or d"),
        # providers
        (account("providers:\n  carrier-pigeon: {secret: abcdefgh}"),
         f"t.yaml:4: accounts[0].providers.carrier-pigeon: {UNKNOWN_PROVIDER}"),
        (account("providers:\n  nexmo: {secret: abcdefgh}\n  vonage: {secret: abcdefgh}"),
         "t.yaml:5: accounts[0].providers.vonage: stands twice, by its name and by an alias"),
        (account("providers:\n  twilio:\n    auth_tokn: abcdefgh"),
         "t.yaml:5: accounts[0].providers.twilio.auth_tokn: unknown credential of this provider; it has auth_token, secret"),
        (account("providers:\n  infobip:\n    hmac_secret: abcdefgh\n    hmac_algorithm: HMAC_SHA_3"),
         f"t.yaml:6: accounts[0].providers.infobip.hmac_algorithm: {UNKNOWN_ALGORITHM}"),
        (account("providers:\n  infobip:\n    hmac_secret: abcdefgh\n    hmac_encoding: [hex, base32]"),
         "t.yaml:6: accounts[0].providers.infobip.hmac_encoding: unknown; one of hex, base64, either"),
        (account("providers:\n  cm:"), "t.yaml:4: accounts[0].providers.cm: must be a mapping"),
        (account("providers:\n  cm: {secret: []}"), "t.yaml:4: accounts[0].providers.cm.secret: must not be empty"),
        (account("providers:\n  cm: {secret: ''}"), "t.yaml:4: accounts[0].providers.cm.secret[0]: must not be empty"),
        (account("providers:\n  cm: {secret: {env: A, secret_file: b}}"),
         "t.yaml:4: accounts[0].providers.cm.secret[0]: give secret_file or env"),
        (account("providers:\n  cm: {secret: abcdefgh, env: B}"),
         "t.yaml:4: accounts[0].providers.cm: give one of secret, secret_file and env"),
        (account("providers:\n  cm:\n    secret:\n      - abcdefgh\n      - {colour: blue}"),
         "t.yaml:7: accounts[0].providers.cm.secret[1].colour: unknown key"),
        # endpoints
        (account("endpoints:\n  - {id: main, url: 'https://x/'}"), "t.yaml:4: accounts[0].endpoints[0]: give secret, secret_file or env"),
        (endpoint("events: [delivery, deletion]"),
         "t.yaml:4: accounts[0].endpoints[0].events[1]: Input should be 'delivery', 'unsubscribe' or 'reply'"),
        (endpoint("events: []"), "t.yaml:4: accounts[0].endpoints[0].events: must not be empty"),
        (endpoint("concurrency: 0"), "t.yaml:4: accounts[0].endpoints[0].concurrency: Input should be greater than or equal to 1"),
        (endpoint("rate_per_s: nan"), "t.yaml:4: accounts[0].endpoints[0].rate_per_s: Input should be a finite number"),
        (endpoint("headers: {webhook-id: x}"), "t.yaml:4: accounts[0].endpoints[0].headers: header webhook-id is ours to set"),
        (endpoint("headers: {Host: x}"), "t.yaml:4: accounts[0].endpoints[0].headers: header Host is ours to set"),
        (endpoint('headers: {X: "a\\r\\nb: c"}'), "t.yaml:4: accounts[0].endpoints[0].headers: header 'X' is no header"),
        (account("notify: {url: 'https://x/'}"), "t.yaml:3: accounts[0].notify: give secret, secret_file or env"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_line_and_path(text: str, sentence: str) -> None:
    assert problems(text) == [sentence]


@pytest.mark.parametrize(
    "url",
    ["ftp://example.com/", "example.com", "https://", "https://[::1", "https://x:99999/", "https://x:0/", "https://x:y/",
     "https://x/a b", "https://x/\\n", "javascript:alert(1)", ""],
)  # fmt: skip
def test_what_is_no_url_is_refused(url: str) -> None:
    text = account(f'endpoints:\n  - {{id: main, url: "{url}", secret: long-enough}}')
    assert problems(text) == ["t.yaml:4: accounts[0].endpoints[0].url: not an http(s) URL"]


def test_a_url_must_not_carry_credentials() -> None:
    text = account('lists:\n  - {number: ACME, forward: {reply: "https://user:hush@x/"}}')
    assert problems(text) == ["t.yaml:4: accounts[0].lists[0].forward.reply: a URL must not carry credentials"]


def test_every_url_is_shown_to_the_guard_and_its_refusal_told_with_line_and_path() -> None:
    shown: list[str] = []

    def refusal(url: str) -> str | None:
        shown.append(url)
        return f"no. {len(shown)}"

    text = account(
        "lists:\n  - {number: ACME, forward: {delivery: 'https://a/', reply: 'https://b/'}}\n  - {number: BCME}\n"
        "notify: {url: 'https://c/', secret: long-enough}\n"
        "endpoints:\n  - {id: main, url: 'https://d/', secret: long-enough}\n"
        "  - {id: other, url: 'https://e/', secret: long-enough}"
    )
    with pytest.raises(ConfigFileError) as refused:
        read(text, name="t.yaml", credential_names=credential_names, url_refusal=refusal)
    assert shown == [f"https://{letter}/" for letter in "abcde"]
    assert refused.value.problems == [
        "t.yaml:4: accounts[0].lists[0].forward.delivery: no. 1",
        "t.yaml:4: accounts[0].lists[0].forward.reply: no. 2",
        "t.yaml:6: accounts[0].notify.url: no. 3",
        "t.yaml:8: accounts[0].endpoints[0].url: no. 4",
        "t.yaml:9: accounts[0].endpoints[1].url: no. 5",
    ]


def test_every_problem_is_told_at_once() -> None:
    text = account("lists:\n  - number: '+1'\n  - number: '+2'\ncolour: blue")
    assert [line.split(": ")[1] for line in problems(text)] == [
        "accounts[0].lists[0].number",
        "accounts[0].lists[1].number",
        "accounts[0].colour",
    ]


@pytest.mark.parametrize(
    "text, sentence",
    [
        (account("providers:\n  cm: {secret: short}"),
         "t.yaml:4: accounts[0].providers.cm.secret: a secret of fewer than 8 characters can be guessed"),
        (account("endpoints:\n  - {id: m, url: 'https://x/', secret: short}"),
         "t.yaml:4: accounts[0].endpoints[0].secret: a secret of fewer than 8 characters can be guessed"),
        (account("providers:\n  cm: {}"), "t.yaml:4: accounts[0].providers.cm: no credential, so every callback is refused"),
        (endpoint("filters: {list_numbers: ['+18005551234']}"),
         "t.yaml:4: accounts[0].endpoints[0].filters.list_numbers[0]: no list of this account"),
    ],
)  # fmt: skip
def test_what_looks_like_a_mistake_is_taken_with_a_warning(text: str, sentence: str) -> None:
    assert warnings(text) == [sentence]


@given(st.text(max_size=60), st.sampled_from(["secret", "secrte", "auth_token", "env", "url"]))
def test_no_refusal_repeats_a_secret(secret: str, name: str) -> None:
    marked = f"hush-{secret}-hush"
    quoted = "'" + "".join(c for c in marked if c.isprintable()).replace("'", "''") + "'"
    text = account(f"providers:\n  twilio: {{{name}: {quoted}}}\ncolour: blue\nnotify: {{secret: [{{x: {quoted}}}]}}")
    assert "hush" not in " ".join(problems(text))


@given(
    st.text(st.sampled_from("*&!%@`|>'\"[]{}#,?:-= \\<~$"), min_size=1, max_size=3),
    st.sampled_from(["", "-", "!", ",", ": ", " #"]),
    st.booleans(),
)
def test_no_refusal_repeats_an_unquoted_secret_whatever_it_begins_with(start: str, within: str, is_flow: bool) -> None:
    secret = f"{start}hush{within}hush"
    file = account(
        f"providers: {{cm: {{secret: {secret}}}}}" if is_flow else f"providers:\n  cm:\n    secret: {secret}"
    )
    assume(not re.search(r"[\[{?,:] *hush[^,]*:", secret + ":"))  # a key of a mapping is shown by its name
    said = ""
    try:
        parsed(file)
    except ConfigFileError as error:
        said = str(error)
    assert "hush" not in said


@pytest.mark.parametrize(
    "bomb",
    [
        "a0: &a0 [x]\n" + "".join(f"a{n + 1}: &a{n + 1} [*a{n}, *a{n}]\n" for n in range(40)),
        "a0: &a0 {x: y}\n" + "".join(f"a{n + 1}: &a{n + 1} {{<<: [*a{n}, *a{n}]}}\n" for n in range(40)),
        "accounts:\n- {id: a, endpoints: &e [" + "{id: m}, " * 1000 + "]}\n" + "- {id: b, endpoints: *e}\n" * 1000,
    ],
    ids=["lists", "merge_keys", "one_list_everywhere"],
)
def test_aliases_that_unfold_without_end_are_refused_at_once(bomb: str) -> None:
    started = time.monotonic()
    assert problems(bomb) == [UNFOLDED]
    assert time.monotonic() - started < 5


def test_what_is_shared_by_aliases_and_merge_keys_is_read() -> None:
    shared = "accounts:\n- {id: a0, lists: &l [{number: ACME}]}\n" + "".join(
        f"- {{<<: {{lists: *l}}, id: a{number}}}\n" for number in range(1, 300)
    )
    assert [len(one.lists) for one in parsed(shared).accounts] == [1] * 300


def test_of_very_many_problems_the_first_are_told_and_the_rest_counted() -> None:
    text = "".join(f"key{number}: 1\n" for number in range(5000))
    found = problems(text)
    assert (found[0], len(found), found[-1]) == ("t.yaml:1: key0: unknown key", 101, "t.yaml: and 4900 more")


@given(st.text(alphabet="abd:-{}[]&*<! #'\"\n\t|>%@0", max_size=80))
def test_any_text_is_a_file_or_refused(text: str) -> None:
    with contextlib.suppress(ConfigFileError):
        parsed(text)


def test_a_secret_shows_in_no_repr() -> None:
    assert "a-signing-secret" not in repr(parsed(WHOLE))
    assert "a-path-secret" not in repr(parsed(WHOLE))


@pytest.mark.parametrize("algorithm", ["HMAC_SHA_1", "hmac_sha_512", "{env: ALGORITHM}"])
@pytest.mark.parametrize("encoding", ["hex", "BASE64", "either"])
def test_how_an_hmac_is_made_is_taken_as_the_adapter_reads_it_and_is_no_weak_secret(
    algorithm: str, encoding: str
) -> None:
    scheme = f"hmac_secret: abcdefgh, hmac_header: X, hmac_algorithm: {algorithm}, hmac_encoding: {encoding}"
    assert warnings(account(f"providers:\n  infobip: {{{scheme}}}")) == []


def test_the_file_knows_the_providers_that_the_registry_knows_by_the_same_names() -> None:
    own = {name: name for name in PROVIDERS} | ALIASES
    assert own == {name: adapter.name for name, adapter in by_any_name().items()}
