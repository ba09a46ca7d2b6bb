"""What the chapters on Localized Region Contrast show: small computations, each a few seconds."""
