"""What leaves the building: request, verdict, lanes, offset window, delay, egress guard, sender, forwarder."""
