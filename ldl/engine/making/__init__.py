"""Makes a run: a file for each kind, called by the name that the run carries."""
