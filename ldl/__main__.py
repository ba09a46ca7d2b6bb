"""``python -m ldl`` is ``ldl``."""

from ldl.cli import main

main()
