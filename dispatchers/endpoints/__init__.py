"""What an operator does to endpoints: look, pause, resume, change the secret, send a test event."""
