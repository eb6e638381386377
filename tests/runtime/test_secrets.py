"""Secrets are opened only by their key and in their place, and no refusal repeats one."""

import base64
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from runtime.secrets import KEY_FILE, SecretBox, UnsealError, generate_keys, load_or_create
from runtime.worker import ConfigurationError

OLD, NEW = generate_keys("old"), generate_keys("new")
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)


@given(text, text)
def test_what_was_sealed_is_opened_in_its_place_alone(value: str, context: str) -> None:
    box = SecretBox(NEW)
    sealed = box.seal(value, context)
    assert box.open(sealed, context) == value
    with pytest.raises(UnsealError):
        box.open(sealed, f"{context}.")


@given(st.text(min_size=4, max_size=50, alphabet="abcdefgh"), st.data())
def test_a_damaged_secret_is_refused_and_never_repeated(value: str, data: st.DataObject) -> None:
    box = SecretBox(NEW)
    sealed = box.seal(value, "endpoint|acme/main")
    raw = bytearray(base64.b64decode(sealed.sealed))
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= data.draw(st.integers(1, 255))
    for damaged in (base64.b64encode(raw).decode(), sealed.sealed[:8], "", "é", sealed.sealed[:-1]):
        with pytest.raises(UnsealError) as refused:
            box.open(sealed.model_copy(update={"sealed": damaged}), "endpoint|acme/main")
        assert damaged not in str(refused.value) or damaged == ""


def test_the_first_key_seals_and_every_key_opens() -> None:
    sealed_before = SecretBox(OLD).seal("hush", "c")
    rotating = SecretBox(f"{NEW}, {OLD}")
    assert rotating.open(sealed_before, "c") == "hush"
    assert rotating.seal("hush", "c").key_id == "new"
    with pytest.raises(UnsealError, match="no key 'old' in TRACKLY_SECRET_KEYS"):
        SecretBox(NEW).open(sealed_before, "c")


def test_another_key_of_the_same_name_does_not_open() -> None:
    sealed = SecretBox(OLD).seal("hush", "c")
    with pytest.raises(UnsealError, match="another key of that name"):
        SecretBox(generate_keys("old")).open(sealed, "c")


def test_equal_values_look_different_sealed_and_equal_digested_under_one_key_alone() -> None:
    box = SecretBox(OLD)
    assert box.seal("hush", "c").sealed != box.seal("hush", "c").sealed
    assert box.digest(b"hush") == SecretBox(f"{OLD},{NEW}").digest(b"hush")
    assert box.digest(b"hush") != SecretBox(NEW).digest(b"hush")


@pytest.mark.parametrize(
    "keys", ["", "local", "local:", ":AAAA", "local:hush!", "local:aHVzaA==", "{old},", "{old},{old}", "{old}x"]
)
def test_keys_of_another_form_are_refused_with_what_to_do(keys: str) -> None:
    with pytest.raises(ConfigurationError, match="TRACKLY_SECRET_KEYS is kid:base64") as refused:
        SecretBox.from_settings(SecretStr(keys.format(old=OLD)))
    assert not keys or "hush" not in str(refused.value)


def test_no_keys_at_all_are_refused_with_what_to_do() -> None:
    with pytest.raises(ConfigurationError, match="no key to seal or open secrets with"):
        SecretBox.from_settings(None)


def test_the_state_directory_gets_one_key_file_whoever_comes_first(tmp_path: Path) -> None:
    state = tmp_path / "new" / "state"
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: load_or_create(state), range(16)))
    assert found == {load_or_create(state)}
    assert [path.name for path in state.iterdir()] == [KEY_FILE]
    assert stat.S_IMODE((state / KEY_FILE).stat().st_mode) == 0o600
    SecretBox(found.pop())
