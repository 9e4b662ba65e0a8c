"""Sending a row where it belongs, or to a person where that is not sure."""
