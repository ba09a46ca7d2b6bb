"""Readers: one file a kind of format, asked by its name; some libraries take long to load."""
