"""The ingest gateway: plain ASGI on uvicorn, acknowledged only once the brokers have it."""
