"""Two models on the same rows: paired statistics, money, calibration, latency, verdict."""
