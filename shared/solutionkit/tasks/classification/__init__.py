"""Which of some classes a row is of."""
