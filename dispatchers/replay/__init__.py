"""Dead letters and past events back to their endpoints."""
