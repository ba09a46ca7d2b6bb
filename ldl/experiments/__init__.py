"""Tables as lists of runs, the run store, published numbers."""
