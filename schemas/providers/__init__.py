"""One module per provider, the types they share, and the registry that finds them."""
