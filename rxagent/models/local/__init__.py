"""Models that generate in this process: what their engines have in common."""
