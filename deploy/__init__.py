"""Files that deployments use; no product code."""
