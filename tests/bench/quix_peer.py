"""Quix Streams doing the least of the same work: parse the report, count per contact in state, produce; exactly once.

Runs in an environment of its own; prints one JSON line.
"""
# mypy: ignore-errors

import json
import sys
import threading
import time

from quixstreams import Application

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
first = None
last = None


def step(value, state):
    global seen, first, last
    item = value["results"][0]
    known = state.get("count", 0) + 1
    state.set("count", known)
    seen += 1
    if seen == 1:
        first = (time.monotonic(), time.process_time())
    if seen == int(total):
        last = (time.monotonic(), time.process_time())
        threading.Timer(1.0, app.stop).start()
    return {"message_id": item["messageId"], "status": item["status"]["name"], "count": known}


frame = app.dataframe(app.topic(topic, value_deserializer="json"))
frame = frame.apply(step, stateful=True)
frame.to_topic(app.topic(f"{prefix}quix-out", value_serializer="json"))
app.run()
print(json.dumps({"records": seen, "cpu_s": last[1] - first[1], "wall_s": last[0] - first[0]}))
