"""Quix Streams doing the least of the same work: parse the report, count per contact in state, produce; exactly once.

Runs in an environment of its own; prints one JSON line: committed records, CPU seconds and time at each commit.
"""
# mypy: ignore-errors

import json
import sys
import time

from quixstreams import Application
from quixstreams.checkpointing import Checkpoint

bootstrap, topic, prefix, total, state_dir = sys.argv[1:]
app = Application(
    broker_address=bootstrap,
    consumer_group=f"{prefix}quix",
    processing_guarantee="exactly-once",
    auto_offset_reset="earliest",
    state_dir=state_dir,
    commit_interval=0.5,
    loglevel="ERROR",
)
seen = 0
commits = []
commit = Checkpoint.commit


def noted(checkpoint, *arguments, **options):
    """The state's changelog is produced in a commit, so the last one belongs to the work."""
    commit(checkpoint, *arguments, **options)
    if seen > (commits[-1][0] if commits else 0):
        commits.append((seen, time.process_time(), time.monotonic()))
    if seen >= int(total):
        app.stop()


def step(value, state):
    global seen
    item = value["results"][0]
    known = state.get("count", 0) + 1
    state.set("count", known)
    seen += 1
    return {"message_id": item["messageId"], "status": item["status"]["name"], "count": known}


Checkpoint.commit = noted
frame = app.dataframe(app.topic(topic, value_deserializer="json"))
frame = frame.apply(step, stateful=True)
frame.to_topic(app.topic(f"{prefix}quix-out", value_serializer="json"))
app.run()
print(json.dumps(commits))
