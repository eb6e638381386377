"""What was set aside, put back on its way."""
