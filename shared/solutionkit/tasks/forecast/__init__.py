"""The next steps of a series, each by its quantiles."""
