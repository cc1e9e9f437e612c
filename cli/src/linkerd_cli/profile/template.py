"""The ServiceProfile to start from, with comments: `linkerd profile --template` (Linkerd's fields). PURE."""

_TEMPLATE = """### ServiceProfile for {service}.{namespace} ###
apiVersion: linkerd.io/v1alpha2
kind: ServiceProfile
metadata:
  name: {service}.{namespace}.svc.{domain}
  namespace: {namespace}
spec:
  # A service profile defines a list of routes. Metrics are reported per route; retries and timeouts are per route.
  routes:
  - name: '/authors/{{id}}'

    # Every field of a condition must match. `all`, `any` and `not` combine conditions.
    condition:
      # A regular expression (RE2) that the whole path must match.
      pathRegex: '/authors/\\d+'
      method: POST

    # Responses that count as failures; without a class, 500 and above do.
    responseClasses:
    - condition:
        # A single status is min and max alike.
        status:
          min: 500
          max: 599
      isFailure: true

    # Failed requests are tried again, within the budget. Only for requests that can be repeated.
    # isRetryable: true

    # A request that takes longer fails with 504.
    # timeout: 250ms

  # Retries may add at most a fifth to the traffic, and ten requests a second in any case, over ten seconds.
  retryBudget:
    retryRatio: 0.2
    minRetriesPerSecond: 10
    ttl: 10s
"""


def template(service: str, namespace: str, domain: str) -> str:
    """YAML."""
    return _TEMPLATE.format(service=service, namespace=namespace, domain=domain)
