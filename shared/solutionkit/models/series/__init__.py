"""Models that forecast series: windows of the past in, quantiles of the next steps out."""
