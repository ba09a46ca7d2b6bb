"""Manifests, readers, the image bank, views and phantoms."""
