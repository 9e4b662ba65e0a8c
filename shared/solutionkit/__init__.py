"""solutionkit."""
