"""The trunk: one anatomy for the abdomen and the thorax, which are two windows on it."""
