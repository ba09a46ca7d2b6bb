"""One training loop and the stages that use it."""
