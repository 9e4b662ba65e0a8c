"""Series of numbers over time: sales, loads, visits."""
