"""One offline HTML page and a model card."""
