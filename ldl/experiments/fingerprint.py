"""What a record's numbers depend on in the code, as one hash.

Comments, docstrings, annotations and layout do not count: the hash is over the syntax tree.
"""

import hashlib

from ldl.config import Strict
from ldl.experiments.dependencies import modules_of
from ldl.experiments.modules import module_fingerprint, strayed


def code_fingerprint(config: Strict) -> str:
    """Sixteen hex digits over the modules of ``config``."""
    digest = hashlib.sha256()
    for name in sorted(modules_of(config)):
        digest.update(f"{name}:{module_fingerprint(name)}{strayed(name)}\n".encode())
    return digest.hexdigest()[:16]
