import asyncio

from services.proxy.tests.http.recording import GET, exchange

from linkerd_contract.inbound import PortPolicy
from linkerd_contract.resource import ResourceRef
from linkerd_proxy.addrs import ClientAddr, OrigDst
from linkerd_proxy.errors import ConnectFailed
from linkerd_proxy.http.exchange import CARRIED
from linkerd_proxy.http.runtime import Runtime
from linkerd_proxy.inbound.client import meshed, plain
from linkerd_proxy.inbound.permit import Permit
from linkerd_proxy.telemetry.metrics import Metrics
from linkerd_rules.policy import PortRules
from linkerd_runtime.settings import Addr

FROM, TO = ClientAddr(Addr("10.0.0.9", 1234)), OrigDst(Addr("10.0.0.1", 8080))
RULES = PortRules(PortPolicy(server=ResourceRef("policy.linkerd.io", "Server", name="web")))


async def test_denied_without_authorizations() -> None:
    runtime = Runtime(asyncio.get_running_loop(), Metrics())
    permit = Permit(runtime, plain(FROM, TO), RULES, RULES.rules[0])
    assert not permit.allowed
    permit.begin(exchange())
    text = runtime.metrics.registry.render().decode()
    assert 'inbound_http_authz_deny_total{direction="inbound",target_addr="10.0.0.1:8080"' in text
    assert 'srv_name="web",srv_port="8080"' in text


async def test_a_default_policy_is_told_apart_by_the_port() -> None:
    runtime = Runtime(asyncio.get_running_loop(), Metrics())
    rules = PortRules(PortPolicy(server=ResourceRef(name="deny")))
    Permit(runtime, plain(FROM, TO), rules, rules.rules[0]).begin(exchange())
    text = runtime.metrics.registry.render().decode()
    assert 'srv_kind="default",srv_name="deny",srv_port="8080"' in text
    assert 'parent_kind="default",parent_name="deny",parent_port="8080"' in text


async def test_heads_for_the_application_are_made_once() -> None:
    permit = Permit(Runtime(asyncio.get_running_loop(), Metrics()), meshed(FROM, TO, "me.id"), RULES, RULES.rules[0])
    x = exchange([*GET, (b"l5d-client-id", b"spoofed"), (b"l5d-orig-proto", b"HTTP/1.1")])
    fields = permit.fields(x.head)
    assert fields == [*GET, (b"l5d-client-id", b"me.id")]
    assert permit.fields(x.head) is fields
    assert x.flags & CARRIED
    assert permit.response_head(x, [(b":status", b"200")])[-1] == (b"l5d-orig-proto", b"HTTP/1.1")


async def test_books() -> None:
    runtime = Runtime(asyncio.get_running_loop(), Metrics())
    permit = Permit(runtime, plain(FROM, TO), RULES, RULES.rules[0])
    x = exchange()
    x.status = b"500"
    permit.response_end(x, None)
    permit.failed(exchange(), ConnectFailed())
    permit.failed(exchange(), None)
    text = runtime.metrics.registry.render().decode()
    assert 'status_code="500",classification="failure"} 1' in text
    assert 'status_code="502",classification="failure",error="i/o"} 1' in text
