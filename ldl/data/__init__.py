"""Manifests, readers, the image bank and views."""
