"""Errors a user can cause: one clear line that names the file or field and what to do."""


class LdlError(Exception):
    """Base of every error that is the user's to mend; its text is one line."""


class DataError(LdlError):
    """A file or data set is missing, damaged or not what its manifest says."""


class ConfigError(LdlError):
    """A setting is unknown, of the wrong type or contradicts another."""


class TrainingError(LdlError):
    """A training cannot go on: a loss is not finite, or the config changed since the checkpoint."""
