"""What people write when they want no more texts: tables and pure rules, one module a layer, joined by `classify`."""
