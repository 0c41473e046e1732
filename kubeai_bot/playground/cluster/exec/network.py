"""nslookup and wget as a container of the demo would see the cluster. Nothing leaves this process."""

from __future__ import annotations

from urllib.parse import urlsplit

from kubeai_bot.playground.cluster.exec.inside import DNS_ADDRESS, Inside
from kubeai_bot.playground.cluster.kubelet import SERVED_HEALTH_PATH
from kubeai_bot.playground.cluster.objects import Obj, dig, name_of, namespace_of

_SERVED = {
    SERVED_HEALTH_PATH: '{"status":"ok"}\n',
    "/metrics": "# HELP http_requests_total Requests served.\nhttp_requests_total 48211\n",
    "/": "ok\n",
}
_LOCAL = {"localhost", "127.0.0.1"}
Ended = tuple[int, str, str]
"""(exit code, standard output, standard error)."""


def nslookup(host: str, inside: Inside) -> Ended:
    """Services by any of their names; everything else does not exist."""
    head = f"Server:\t\t{DNS_ADDRESS}\nAddress:\t{DNS_ADDRESS}:53\n\n"
    service = inside.service(host)
    if service is None:
        return 1, head, f"** server can't find {host}: NXDOMAIN\n"
    full = f"{name_of(service)}.{namespace_of(service)}.svc.cluster.local"
    return 0, f"{head}Name:\t{full}\nAddress: {_address(service)}\n", ""


def wget(url: str, inside: Inside) -> Ended:
    """GET of an address in the cluster, with BusyBox's words for what goes wrong."""
    target = urlsplit(url if "://" in url else f"http://{url}")
    host, path = target.hostname or "", target.path or "/"
    try:
        port = target.port or 80
    except ValueError:
        return 1, "", f"wget: bad port spec '{target.netloc}'\n"
    if host in _LOCAL:
        open_ports = [one["containerPort"] for one in inside.container.get("ports") or ()]
        return _answer(path) if port in open_ports else _refused("127.0.0.1")
    service = inside.service(host)
    if service is None:
        return 1, "", f"wget: bad address '{target.netloc}'\n"
    if port not in [one["port"] for one in service["spec"].get("ports", ())]:
        return 1, "", f"wget: can't connect to remote host ({_address(service)}): Connection timed out\n"
    if not inside.backends(service):
        return _refused(_address(service))
    return _answer(path)


def _answer(path: str) -> Ended:
    if path not in _SERVED:
        return 1, "", "wget: server returned error: HTTP/1.1 404 Not Found\n"
    return 0, _SERVED[path], ""


def _refused(address: str) -> Ended:
    return 1, "", f"wget: can't connect to remote host ({address}): Connection refused\n"


def _address(service: Obj) -> str:
    return str(dig(service, "spec", "clusterIP", default=""))
