"""Telling a finding carefully: referring what is not sure, at the sensitivity that is asked for."""
