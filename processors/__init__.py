"""Raw callbacks to meaning, exactly once: classify, statuses, thresholds, the aggregate, the transaction loop."""
