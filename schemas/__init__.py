"""Every contract at a boundary: Avro files, models, topics, the codec, provider adapters. Imports nothing of ours."""
