"""Tasks, one folder each: what is predicted, how that is judged, and how it is told."""
