"""What puts records in from outside: the ingest gateway and the provider simulator."""
