"""The strict models of where a data set comes from: licence, downloads, steps."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Hash = Annotated[str, Field(pattern=r"^(sha256:[0-9a-f]{64}|md5:[0-9a-f]{32})$")]


class Strict(BaseModel):
    """Base of the manifest models: no unknown fields, no silent conversions, frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Licence(Strict):
    """Terms of use: a short name, and whether copies may be passed on."""

    name: str
    redistribution: bool
    url: str | None = None


class Download(Strict):
    """One file that can be fetched without an account; archives are unpacked into ``into``.

    ``hash`` is "sha256:..." or, where the publisher gives only that, "md5:...".
    """

    url: str
    file: str
    hash: Hash | None = None
    into: str = "."


class Obtain(Strict):
    """How to get the original: direct downloads, numbered steps for a person, or both."""

    downloads: tuple[Download, ...] = ()
    steps: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.downloads and not self.steps:
            raise ValueError("give downloads, steps or both")
        return self
