"""Requirements of network namespaces that are missing."""

from p2p_twisted.experiment.run.namespaces import problem


def test_a_user_other_than_root_gets_a_message() -> None:
    assert problem(1000, lambda tool: tool) == "network namespaces need root: run this as root (sudo)"


def test_a_missing_tool_is_named() -> None:
    assert problem(0, {"ip": "/sbin/ip"}.get) == "not found: tc; install iproute2"
    assert problem(0, lambda tool: None) == "not found: ip, tc; install iproute2"
    assert problem(0, lambda tool: tool) is None
