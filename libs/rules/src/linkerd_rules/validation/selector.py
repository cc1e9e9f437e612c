"""Label selectors, as Kubernetes' metav1.LabelSelector: all requirements hold; the empty one selects everything."""

from collections.abc import Mapping

from msgspec import Struct

from linkerd_rules.validation.fields import Fields

_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")


class Requirement(Struct, frozen=True):
    """One expression of a selector."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Whether labels meet it. NotIn holds where the label is missing (Kubernetes)."""
        value = labels.get(self.key)
        if self.operator == "In":
            return value in self.values
        if self.operator == "NotIn":
            return value not in self.values
        return (value is not None) == (self.operator == "Exists")


class Selector(Struct, frozen=True):
    """A label selector."""

    labels: tuple[tuple[str, str], ...] = ()
    expressions: tuple[Requirement, ...] = ()

    def selects(self, labels: Mapping[str, str]) -> bool:
        """Whether an object with these labels is selected."""
        if any(labels.get(key) != value for key, value in self.labels):
            return False
        return all(requirement.holds(labels) for requirement in self.expressions)


def read_selector(fields: Fields | None) -> Selector:
    """A selector; one that is missing selects everything, and one that is wrong is reported."""
    if fields is None:
        return Selector()
    labels = read_labels(fields.child("matchLabels"))
    expressions: list[Requirement] = []
    for item in fields.children("matchExpressions"):
        key = item.text("key", required=True)
        operator = item.choice("operator", _OPERATORS, required=True)
        values = tuple(item.texts("values"))
        if operator in ("In", "NotIn") and not values:
            item.problem("values", f"is required with {operator}")
        if operator in ("Exists", "DoesNotExist") and values:
            item.problem("values", f"must be empty with {operator}")
        item.done()
        expressions.append(Requirement(key, operator, values))
    fields.done()
    return Selector(labels, tuple(expressions))


def read_labels(fields: Fields | None) -> tuple[tuple[str, str], ...]:
    """Names and values, sorted."""
    return () if fields is None else tuple(sorted((name, fields.text(name)) for name in fields.names()))
