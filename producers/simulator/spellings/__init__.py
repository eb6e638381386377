"""How each provider writes and signs its callbacks: one module a provider, found by its name."""
