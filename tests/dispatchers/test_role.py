"""What a dispatcher refuses to start with: topics that would lose or hurry tries."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from dispatchers.role import _check_tiers
from runtime.settings import load
from runtime.worker import ConfigurationError
from schemas import topics

TIER = topics.tier_topic("delivery", 4)


class Configs:
    """Answers with the catalogue's own settings, one of them changed."""

    def __init__(self, topic: str, name: str, value: str) -> None:
        self._changed = (topic, name, value)

    def configs(self, names: Iterable[str]) -> dict[str, dict[str, str]]:
        topic, name, value = self._changed
        found = {one: topics.CATALOGUE[one.removeprefix("sms.")].config() for one in names}
        found[f"sms.{topic}"][name] = value
        return found


@pytest.mark.parametrize(
    ("topic", "name", "value", "refused"),
    [
        (TIER, "retention.ms", "-1", None),
        (TIER, "retention.ms", str(4 * 3_600_000 + topics.DAY_MS), None),
        (TIER, "retention.ms", str(4 * 3_600_000 + topics.DAY_MS - 1), "a delay of this tier needs"),
        (TIER, "message.timestamp.type", "CreateTime", "must be LogAppendTime"),
        (topics.ATTEMPTS, "message.timestamp.type", "CreateTime", "must be LogAppendTime"),
        (topics.HOLD, "retention.ms", str(8 * topics.DAY_MS), None),
        (topics.HOLD, "retention.ms", str(8 * topics.DAY_MS - 1), "the longest holding needs"),
    ],
)
def test_a_topic_that_would_lose_or_hurry_tries_is_refused(
    tmp_path: Path, topic: str, name: str, value: str, refused: str | None
) -> None:
    cluster: Any = Configs(topic, name, value)
    settings = load({"TRACKLY_STATE_DIR": str(tmp_path)})
    assert settings.topic_prefix == "sms."
    if refused is None:
        _check_tiers(settings, cluster, ("delivery",))
    else:
        with pytest.raises(ConfigurationError, match=refused):
            _check_tiers(settings, cluster, ("delivery",))
