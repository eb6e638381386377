"""The whole way at once, for a person to see: broker, roles, simulated traffic, a checking receiver."""
