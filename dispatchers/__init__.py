"""What leaves the building: request, verdict, lanes, offset window, delay, sender, forwarder."""
