"""Events: rows of a table with a history."""
