"""What a command sees inside a container of the demo: files, environment, and the cluster's services by name."""

from __future__ import annotations

from dataclasses import dataclass

from kubeai_bot.playground.cluster.objects import Obj, dig, name_of, namespace_of
from kubeai_bot.playground.cluster.store import Store

DNS_ADDRESS = "10.96.0.10"
_ROOT = ("app", "bin", "dev", "etc", "home", "lib", "proc", "root", "sys", "tmp", "usr", "var")
_TOKEN_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 - a path


@dataclass(frozen=True)
class Inside:
    """One container of one pod."""

    store: Store
    pod: Obj
    container: Obj

    @property
    def namespace(self) -> str:
        return namespace_of(self.pod)

    @property
    def hostname(self) -> str:
        return name_of(self.pod)

    @property
    def program(self) -> str:
        """The process that the container runs."""
        image = str(self.container["image"]).rpartition("/")[2].partition(":")[0]
        words = self.container.get("command") or [f"/app/{image}"]
        return " ".join([*words, *(self.container.get("args") or ())])

    def files(self) -> dict[str, str]:
        """Path to content of the files that are worth reading."""
        place, address = self.namespace, dig(self.pod, "status", "podIP", default="127.0.0.1")
        return {
            "/etc/hostname": f"{self.hostname}\n",
            "/etc/hosts": f"127.0.0.1\tlocalhost\n::1\tlocalhost\n{address}\t{self.hostname}\n",
            "/etc/resolv.conf": (
                f"search {place}.svc.cluster.local svc.cluster.local cluster.local\n"
                f"nameserver {DNS_ADDRESS}\noptions ndots:5\n"
            ),
            "/etc/os-release": 'NAME="Alpine Linux"\nID=alpine\nVERSION_ID=3.23.2\n',
            f"{_TOKEN_FOLDER}/namespace": place,
            "/app/version": f"{str(self.container['image']).rpartition(':')[2]}\n",
        }

    def listing(self, path: str) -> list[str] | None:
        """What a folder holds; None where there is no such folder."""
        folder = path.rstrip("/")
        if not folder:
            return list(_ROOT)
        inner = [name.removeprefix(f"{folder}/") for name in self.files() if name.startswith(f"{folder}/")]
        below = {name.partition("/")[0] for name in inner}
        if below:
            return sorted(below)
        return [] if folder.strip("/") in _ROOT else None

    def environment(self) -> dict[str, str]:
        """The variables of the container: those of the runtime, from ConfigMaps, and with values of their own."""
        found = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOSTNAME": self.hostname}
        found["KUBERNETES_SERVICE_HOST"] = "10.96.0.1"
        for source in self.container.get("envFrom") or ():
            name = dig(source, "configMapRef", "name", default="")
            config = self.store.get(("", "configmaps"), self.namespace, name)
            found.update(dig(config, "data", default={}))
        for variable in self.container.get("env") or ():
            found[variable["name"]] = str(variable.get("value", ""))
        return found

    def service(self, host: str) -> Obj | None:
        """The Service that a host name stands for in this pod's search path."""
        parts = host.rstrip(".").removesuffix(".cluster.local").removesuffix(".svc").split(".")
        if len(parts) > 2:
            return None
        return self.store.get(("", "services"), parts[1] if len(parts) == 2 else self.namespace, parts[0])

    def backends(self, service: Obj) -> list[Obj]:
        """The ready pods behind a Service."""
        endpoints = self.store.get(("", "endpoints"), namespace_of(service), name_of(service))
        names = [
            dig(address, "targetRef", "name", default="")
            for subset in dig(endpoints, "subsets", default=[])
            for address in subset.get("addresses") or ()
        ]
        pods = (self.store.get(("", "pods"), namespace_of(service), name) for name in names)
        return [pod for pod in pods if pod is not None]
