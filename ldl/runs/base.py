"""A run: a frozen config with an id, the runs it needs, and the name of what makes it."""

from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from ldl.config import Strict

# Raised by hand when the phantoms' drawings change, as `Run.version` is when a run's numbers do;
# the golden records under `tests/golden` fail when either was forgotten.
PHANTOMS = 4


class Work(NamedTuple):
    """What a training takes, without its data.

    Attributes:
        updates: of its optimizer.
        images: that one update brings through the network, each view counted.
        side: of these, in pixels.
        width: channels of the network's first stage, those of two branches together.
    """

    updates: int
    images: int
    side: int
    width: int


class Run(Strict):
    """What one record is made from.

    Attributes:
        kind: of run; its `version` is raised when runs of that kind would give other numbers.
        maker: ``module:function`` that makes it. Named, not imported, so that planning stays light.
        trains: whether weights come out.
    """

    kind: ClassVar[str]
    version: ClassVar[int] = 1
    maker: ClassVar[str]

    if TYPE_CHECKING:

        @property
        def data(self) -> Any:
            """Which images or volumes; it has a ``source`` and a ``size``."""

        @property
        def seed(self) -> int:
            """Of everything drawn."""

    @property
    def trains(self) -> bool:
        """Whether weights come out."""
        return True

    @property
    def repeat(self) -> int | None:
        """Which repetition of its cell it is: a seed, or None for what is made once, untrained."""
        return self.seed

    def work(self) -> tuple[Work, ...]:
        """Its trainings, one after the other; none where nothing is trained."""
        return ()

    def slug(self) -> str:
        """The readable part of its id."""
        raise NotImplementedError

    def run_id(self) -> str:
        """Slug and hash, the run's name in the store."""
        return f"{self.slug()}-{self.digest()}"

    def home(self) -> str:
        """Of a run that needs no other: the job it is made in, with others of its kind."""
        return f"alone-{self.run_id()}"

    def needs(self) -> tuple["Run", ...]:
        """The runs that must be finished before this one can start, the first one its home."""
        return self._runs_within()

    def stamp(self) -> dict[str, int]:
        """Version of each kind of run that this one's numbers depend on, and of the phantoms."""
        found = {self.kind: self.version}
        if self.data.source == "phantom":
            found["phantoms"] = PHANTOMS
        for other in self._runs_within():
            found |= other.stamp()
        return dict(sorted(found.items()))

    def _runs_within(self) -> tuple["Run", ...]:
        values = (getattr(self, name) for name in type(self).model_fields)
        return tuple(value for value in values if isinstance(value, Run))
