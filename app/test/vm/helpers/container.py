# SPDX-License-Identifier: BSD-3-Clause
"""A container in a guest: an OCI bundle, as a runtime makes it of a CDI specification."""

import copy
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from helpers.cli import CLI
from helpers.programs import python
from testvm.qemu import Guest
from testvm.testpmd import FLOWING, Testpmd
from testvm.util import CHECKOUT

Config = dict[str, Any]
KIND = "dpdk.org/vfio-cdev"
BUNDLE = "/run/bundle"
INSIDE = "/usr/lib/dpdk-vfio-cdev/librte_bus_vfio_cdev.so.1"
# What Docker gives to a container by default, and what a device without an IOMMU needs.
DEFAULT_CAPS = ("CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID",
                "SETFCAP", "SETPCAP", "NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE")
CAPS = (*DEFAULT_CAPS, "SYS_RAWIO", "IPC_LOCK", "SYS_NICE")
# Docker's documentation, "Significant syscalls blocked by the default profile", and io_uring. With
# CAP_SYS_RAWIO iopl() and ioperm() are allowed, with CAP_SYS_NICE the second ones.
BLOCKED = """acct add_key bpf clock_adjtime clock_settime delete_module finit_module
    init_module io_uring_enter io_uring_register io_uring_setup kcmp kexec_file_load kexec_load
    keyctl lookup_dcookie mount move_pages name_to_handle_at open_by_handle_at
    perf_event_open pivot_root process_vm_readv process_vm_writev ptrace quotactl reboot
    request_key setns settimeofday swapoff swapon sysfs umount2 unshare
    userfaultfd ustat uselib""".split()
BLOCKED_BY_NICE = ["get_mempolicy", "mbind", "set_mempolicy"]
MASKED = ["/proc/asound", "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
          "/proc/timer_list", "/proc/sched_debug", "/proc/scsi", "/sys/firmware"]
READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]


def _mount(kind: str, path: str, *options: str) -> Config:
    return {"destination": path, "type": kind, "source": kind, "options": list(options)}


def _bound(path: str) -> Config:
    return {"destination": path, "type": "bind", "source": path, "options": ["rbind", "ro"]}


def base(plugins: str) -> Config:
    """An image that has the guest's files, without devices."""
    return {
        "ociVersion": "1.0.2",
        "root": {"path": "rootfs", "readonly": True},
        "hostname": "container",
        "process": {
            "cwd": "/", "user": {"uid": 0, "gid": 0}, "noNewPrivileges": True,
            "env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "XDG_RUNTIME_DIR=/var/run"],
            "capabilities": {kind: [f"CAP_{name}" for name in CAPS]
                             for kind in ("bounding", "effective", "permitted")},
            "rlimits": [{"type": "RLIMIT_MEMLOCK", "hard": 8 << 20, "soft": 8 << 20}],
        },
        "mounts": [_mount("proc", "/proc", "nosuid", "noexec", "nodev"),
                   _mount("tmpfs", "/dev", "nosuid", "mode=755", "size=65536k"),
                   _mount("devpts", "/dev/pts", "nosuid", "noexec", "newinstance",
                          "ptmxmode=0666", "mode=0620"),
                   _mount("tmpfs", "/dev/shm", "nosuid", "noexec", "nodev", "mode=1777"),
                   _mount("sysfs", "/sys", "nosuid", "noexec", "nodev", "ro"),
                   _mount("cgroup", "/sys/fs/cgroup", "nosuid", "noexec", "nodev", "ro"),
                   _mount("tmpfs", "/run", "nosuid", "nodev", "mode=755"),
                   _mount("tmpfs", "/run/dpdk", "nosuid", "nodev", "mode=1777"),
                   _mount("tmpfs", "/tmp", "nosuid", "nodev", "mode=1777"),
                   _bound("/run/vm"), _bound(plugins), _bound(str(CHECKOUT))],
        "linux": {
            "namespaces": [{"type": name}
                           for name in ("pid", "network", "ipc", "uts", "mount", "cgroup")],
            "cgroupsPath": "/container", "maskedPaths": MASKED, "readonlyPaths": READ_ONLY,
            "devices": [], "resources": {"devices": [{"allow": False, "access": "rwm"}]},
            "seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"],
                        "syscalls": []},
        },
    }


def _edit(config: Config, edits: Config) -> None:
    """What pkg/cdi/container-edits.go of the CDI repository does, of what we use of it."""
    process, linux = config["process"], config["linux"]
    names = {entry.partition("=")[0] for entry in edits.get("env", [])}
    process["env"] = [entry for entry in process["env"]
                      if entry.partition("=")[0] not in names] + edits.get("env", [])
    for node in edits.get("deviceNodes", []):
        device = {key: node[key] for key in ("path", "type", "major", "minor")}
        if process["user"]["uid"]:
            device |= {key: process["user"][key] for key in ("uid", "gid")}
        linux["devices"].append(device)
        linux["resources"]["devices"].append({
            "allow": True, "access": node["permissions"],
            **{key: node[key] for key in ("type", "major", "minor")}})
    for mount in edits.get("mounts", []):
        config["mounts"] = [old for old in config["mounts"]
                            if old["destination"] != mount["containerPath"]]
        config["mounts"].append({"source": mount["hostPath"],
                                 "destination": mount["containerPath"],
                                 "options": mount["options"],
                                 **({"type": mount["type"]} if "type" in mount else {})})
    # As the runtimes sort them: by depth.
    config["mounts"].sort(key=lambda mount: str(mount["destination"]).count("/"))


def apply(config: Config, spec: Config, names: Sequence[str]) -> None:
    """What a runtime does for --device KIND=NAME."""
    devices = {f"{spec['kind']}={device['name']}": device for device in spec["devices"]}
    for name in names:
        _edit(config, devices[name]["containerEdits"])
    _edit(config, spec["containerEdits"])


class Container:
    """A container that is started for each command; change its config between them."""

    def __init__(self, guest: Guest, config: Config) -> None:
        self.guest = guest
        self.config = config

    def wrapper(self) -> list[str]:
        """What comes before a command that is to run in it, as it is configured now."""
        has_nice = "CAP_SYS_NICE" in self.config["process"]["capabilities"]["bounding"]
        self.config["linux"]["seccomp"]["syscalls"] = [{
            "names": BLOCKED + ([] if has_nice else BLOCKED_BY_NICE),
            "action": "SCMP_ACT_ERRNO", "errnoRet": 1}]
        self.guest.run(["sh", "-c", f"cat >{BUNDLE}/base.json"], input=json.dumps(self.config),
                       check=True)
        return python("contain.py", BUNDLE)

    def drop_caps(self, *names: str) -> None:
        """Take capabilities away."""
        for caps in self.config["process"]["capabilities"].values():
            caps[:] = [cap for cap in caps if cap not in {f"CAP_{name}" for name in names}]

    def drop_node(self, path: str) -> None:
        """Take a node away; the cgroup goes on allowing it."""
        devices = self.config["linux"]["devices"]
        assert path in {device["path"] for device in devices}
        devices[:] = [device for device in devices if device["path"] != path]

    def deny_node(self, path: str) -> None:
        """Leave the node, and let the cgroup deny it."""
        node = next(each for each in self.config["linux"]["devices"] if each["path"] == path)
        rules = self.config["linux"]["resources"]["devices"]
        rules[:] = [rule for rule in rules if (rule.get("major"), rule.get("minor"))
                    != (node["major"], node["minor"])]

    def drop_mount(self, path: str) -> None:
        """Take a mount away."""
        mounts = self.config["mounts"]
        assert path in {mount["destination"] for mount in mounts}
        mounts[:] = [mount for mount in mounts if mount["destination"] != path]

    def hide(self, path: str) -> None:
        """Nothing is to be seen in a directory that had a mount."""
        self.drop_mount(path)
        self.config["mounts"].insert(0, _mount("tmpfs", path, "ro"))


def printed_spec(guest: Guest, *args: str) -> Config:
    """What dpdk-vfio-cdev cdi prints."""
    spec: Config = json.loads(guest.run([CLI, "cdi", *args], check=True).stdout)
    return spec


@contextmanager
def container(guest: Guest, devices: Sequence[str], *args: str,
              uid: int = 0) -> Iterator[Container]:
    """A container that was given devices by CDI."""
    plugins = guest.run(["sh", "-c", "echo /usr/lib/*/dpdk/pmds-*"], check=True).stdout.strip()
    config = copy.deepcopy(base(plugins))
    config["process"]["user"] = {"uid": uid, "gid": uid}
    if uid:
        config["process"]["capabilities"] |= {
            kind: list(config["process"]["capabilities"]["bounding"])
            for kind in ("inheritable", "ambient")}
    apply(config, printed_spec(guest, *args), [f"{KIND}={device}" for device in devices])
    guest.run(["sh", "-c", f"mkdir -p {BUNDLE}/rootfs && mount --bind / {BUNDLE}/rootfs"],
              check=True)
    try:
        yield Container(guest, config)
    finally:
        guest.run(["sh", "-c", f"crun delete --force {BUNDLE.rpartition('/')[2]} 2>/dev/null; "
                               f"umount -l {BUNDLE}/rootfs && rm -rf {BUNDLE} "
                               f"{INSIDE.rpartition('/')[0]}"], check=True)


class ContainedTestpmd(Testpmd):
    """testpmd in a container, whose environment has the library."""

    def __init__(self, within: Container, devices: Sequence[str], **options: Any) -> None:
        super().__init__(within.guest, devices, policy="", wrapper=within.wrapper(), **options)

    @property
    def pid(self) -> str:
        """Its process id outside of the container."""
        return self.guest.run(["cat", f"{BUNDLE}/pid"], check=True).stdout.strip()

    def flowing(self) -> "ContainedTestpmd":
        """Wait, within the container, until each port has received packets."""
        self.guest.run(["crun", "exec", BUNDLE.rpartition("/")[2], str(FLOWING)], check=True)
        return self

    def has_library(self) -> bool:
        """As it is mounted there."""
        maps = self.guest.run(["cat", f"/proc/{self.pid}/maps"], check=True).stdout
        return f"{INSIDE}\n" in maps
