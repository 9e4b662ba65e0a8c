"""How much of something: a number a row."""
