"""What every worker runs on: Kafka clients, worker life, settings, telemetry, secrets, provisioning, the CLI."""
