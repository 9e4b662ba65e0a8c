"""Modalities, one folder each: how a kind of data is read, described, learned from and told of."""
