"""Strict models of every knob; an unknown or mistyped one is an error that names the nearest."""

import difflib
import hashlib
import json
from typing import Any, Literal, Self, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ldl.errors import ConfigError

# Of encoders, see `ldl.runs.pretrain.EncoderConfig`.
TAGS = ("ldl", "comparison")


class Strict(BaseModel):
    """Frozen, no unknown fields, no silent conversion of types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    def digest(self) -> str:
        """Eight hex digits of the fields that differ from their defaults.

        Leaving defaults out keeps old ids valid when a later version adds a knob.
        """
        fields = self.model_dump(mode="json", exclude_defaults=True)
        return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:8]


class DataConfig(Strict):
    """Which images. ``open`` reads prepared originals, ``phantom`` draws them from a seed,
    ``folder`` are one's own.

    ``closer`` above 1 draws parts of eyes that much larger, so that vessels are wide enough to be
    seen and guided: at 128 pixels and 3 to 4 times closer they are 2 to 7 wide.

    ``pool``: what is pretrained on: the large unlabelled set, or for fundus ``fine``, the images of
    other sets that are 500 pixels or more, see `ldl.data.prepare.FINE`.
    ``content``: of a folder: the key of its bank in the cache. It hangs on the files' bytes and on
    how they are read, not on where they lie. ``prior``: likewise of a folder of reference masks.
    """

    source: Literal["phantom", "open", "folder"]
    size: int = Field(ge=32, le=2048)
    pool: Literal["pretraining", "fine"] = "pretraining"
    images: int | None = Field(default=None, ge=16)
    train: int = Field(default=10, ge=5)
    test: int = Field(default=10, ge=1)
    seed: int = 0
    closer: float = Field(default=1.0, ge=1.0, le=8.0)
    content: str = Field(default="", pattern="^([0-9a-f]{12})?$")
    prior: str = Field(default="", pattern="^([0-9a-f]{12})?$")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.source == "folder") != bool(self.content):
            raise ValueError("'content' is the key of a folder's bank: of source 'folder' alone")
        if self.source != "phantom" and self.closer != 1.0:
            raise ValueError("only phantoms can be drawn closer: leave 'closer' at 1")
        return self


Model = TypeVar("Model", bound=Strict)


def build(model: type[Model], fields: dict[str, Any] | str) -> Model:
    """Validate ``fields``, or what JSON says of them, as ``model``."""
    try:
        if isinstance(fields, str):
            return model.model_validate_json(fields)
        return model.model_validate(fields)
    except ValidationError as error:
        raise ConfigError(_first_line(model, error)) from None


def _first_line(model: type[Strict], error: ValidationError) -> str:
    # A misspelt required field is both unknown and missing; the unknown name says more.
    faults = sorted(error.errors(), key=lambda fault: fault["type"] != "extra_forbidden")
    fault = faults[0]
    # Tags of a choice between models are pydantic's own words.
    where = ".".join(str(part) for part in fault["loc"] if part not in TAGS) or model.__name__
    if fault["type"] != "extra_forbidden":
        return f"{model.__name__}: {where}: {fault['msg']} (given {fault['input']!r:.80})"
    name = str(fault["loc"][-1])
    near = difflib.get_close_matches(name, sorted(_knobs(model)), n=1, cutoff=0.0)
    hint = f"did you mean {near[0]!r}?" if near else "there is none to set"
    return f"{model.__name__}: unknown knob {where!r}; {hint}"


def _knobs(model: type[Strict]) -> set[str]:
    """Names of the fields of ``model`` and of all models within it."""
    found, waiting = set[str](), [model]
    seen = list[type[Strict]]()
    while waiting:
        one = waiting.pop()
        if one in seen:
            continue
        seen.append(one)
        found |= set(one.model_fields)
        for field in one.model_fields.values():
            waiting += _models_in(field.annotation)
    return found


def _models_in(annotation: Any) -> list[type[Strict]]:
    if isinstance(annotation, type) and issubclass(annotation, Strict):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models_in(part)]
