"""What is missing for network namespaces."""

from p2p_twisted.experiment.run.namespaces import problem


def test_who_is_not_root_is_told_so() -> None:
    assert problem(1000, lambda tool: tool) == "network namespaces need root: run this as root (sudo)"


def test_what_is_not_installed_is_named() -> None:
    assert problem(0, {"ip": "/sbin/ip"}.get) == "not found: tc; install iproute2"
    assert problem(0, lambda tool: None) == "not found: ip, tc; install iproute2"
    assert problem(0, lambda tool: tool) is None
