"""What the comparison methods learn on phantoms, in words and tables."""

from ldl.experiments.learned import Learned


def markdown(found: Learned) -> str:
    """Table and outcome for a README."""
    return f"{len(found.findings)} methods\n"
