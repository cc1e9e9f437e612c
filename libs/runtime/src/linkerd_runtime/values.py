"""The installation's values: ConfigMap linkerd-config, key `values`, a document in JSON or YAML."""

import json


def parse_values(text: str) -> dict[str, object]:
    """The document. Raises ValueError with what is wrong and where."""
    try:
        document = json.loads(text)
    except ValueError:
        # `linkerd install` writes JSON; only what a person has rewritten costs the import of yaml.
        import yaml

        try:
            document = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ValueError(f"neither JSON nor YAML: {error}") from error
    if document is None:
        return {}
    if not isinstance(document, dict) or not all(isinstance(key, str) for key in document):
        raise ValueError("the values are not an object")
    return document
