"""One's own images: pretraining on a folder, a point found again, and what is written of both."""
