"""Every contract at a boundary: Avro files, models, topics, the codec and one adapter per provider. Imports nothing of ours."""
