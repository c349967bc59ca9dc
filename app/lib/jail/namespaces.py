"""Puts this process into namespaces of its own: nobody, no network, no other processes, and a file system with nothing in it.

    if enter_namespaces():            # in a process with one thread
        …import what is needed…
        leave_files()                 # from here on there are none

Both need a kernel that lets ordinary users make namespaces. Where it does not, `enter_namespaces` answers False and nothing has changed.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

NEW_MOUNTS, NEW_HOSTNAME, NEW_IPC, NEW_USER, NEW_PIDS, NEW_NETWORK = (
    0x00020000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000,
)  # fmt: skip
MS_READ_ONLY, MS_NO_SUID, MS_NO_DEV, MS_REMOUNT, MS_BIND, MS_RECURSIVE, MS_PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18
DETACH = 2
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
DIE_WITH_PARENT, DUMPABLE, DROP_BOUNDING, KEEP_NO_CAPS = 1, 4, 24, 47
WATCH_MS = 500
NOBODY = 65_534
_libc = ctypes.CDLL(None, use_errno=True)


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


def _call(result: int, what: str) -> None:
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")


def enter_namespaces() -> bool:
    """True when this process, which is another one than before, is alone. The one that was here waits, and ends as this one does.

    Not with threads: the kernel refuses a user namespace then.
    """
    uid, gid = os.getuid(), os.getgid()
    try:
        _call(_libc.unshare(NEW_USER | NEW_MOUNTS | NEW_NETWORK | NEW_IPC | NEW_HOSTNAME | NEW_PIDS), "unshare")
        with suppress(FileNotFoundError):  # kernels before 3.19
            Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{NOBODY} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{NOBODY} {gid} 1")
        _call(_libc.mount(None, b"/", None, MS_RECURSIVE | MS_PRIVATE, None), "mount")
    except OSError:
        return False
    _continue_in_child()
    return True


def _continue_in_child() -> None:
    """The rest happens in a child, the first process of its namespace. This one ends with it, and ends it with the one above."""
    above, outer = os.getppid(), os.getpid()
    child = os.fork()
    if child == 0:
        _libc.prctl(DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
        if os.getppid() not in (0, outer):
            os._exit(1)
        return
    for name in (0, 1):
        os.close(name)
    watched = os.pidfd_open(child)
    poll = select.poll()
    poll.register(watched, select.POLLIN)
    while not poll.poll(WATCH_MS):
        if os.getppid() != above:  # a signal at the death of the parent would come at the death of its thread already
            os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def leave_files(keep: Sequence[str] = ()) -> None:
    """A root with nothing in it but `keep`, directories that are read-only there, at the paths where they are now. Raises OSError."""
    new = "/tmp"  # noqa: S108 - a mount in this namespace alone hides it
    flags = MS_NO_SUID | MS_NO_DEV
    _call(_libc.mount(b"none", new.encode(), b"tmpfs", flags, b"size=64k,mode=755"), "mount")
    for directory in keep:
        path = Path(directory)
        if path.is_symlink():
            Path(f"{new}{directory}").symlink_to(path.readlink())
        elif path.is_dir():
            place = f"{new}{directory}".encode()
            Path(os.fsdecode(place)).mkdir(parents=True, exist_ok=True)
            _call(_libc.mount(directory.encode(), place, None, MS_BIND | MS_RECURSIVE, None), directory)
            # What is mounted below stays as it is: a user namespace may not show what was hidden.
            remount = MS_BIND | MS_REMOUNT | MS_READ_ONLY | flags
            _call(_libc.mount(None, place, None, remount, None), directory)
    Path(f"{new}/old").mkdir()
    _call(_libc.mount(None, new.encode(), None, MS_REMOUNT | MS_READ_ONLY | flags, None), "mount")
    _call(_libc.syscall(PIVOT_ROOT[os.uname().machine], new.encode(), f"{new}/old".encode()), "pivot_root")
    os.chdir("/")
    _call(_libc.umount2(b"/old", DETACH), "umount")


def drop_rights() -> None:
    """No capabilities, and none to be had; nobody may look into this process. Root outside of a namespace becomes nobody."""
    for capability in range(64):
        _libc.prctl(DROP_BOUNDING, capability, 0, 0, 0)
    _libc.prctl(KEEP_NO_CAPS, 4, 0, 0, 0)
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    header, nothing = _Header(0x20080522, 0), (ctypes.c_uint32 * 6)()
    _libc.capset(ctypes.byref(header), ctypes.byref(nothing))
    _libc.prctl(DUMPABLE, 0, 0, 0, 0)
