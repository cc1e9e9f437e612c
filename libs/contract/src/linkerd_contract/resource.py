"""References to Kubernetes objects, as metric labels and explanations name them."""

from linkerd_contract.codec import Document


class ResourceRef(Document, frozen=True):
    """What a policy or route comes from. Built-ins have group "" and kind "default" (Linkerd's labels)."""

    group: str = ""
    kind: str = "default"
    namespace: str = ""
    name: str = ""
    port: int = 0
    section: str = ""
