"""What a jailed process may ask of the kernel: a list of calls by name, turned into a seccomp filter. Everything else answers EPERM.

The kernel wants a program of BPF instructions over `struct seccomp_data` (number of the call, architecture, address, six arguments). It
is short enough to be written here: compare, jump, return. Numbers of calls differ by architecture; other architectures have no filter,
and code is not run there.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

_X86_64 = {
    "read": 0, "write": 1, "close": 3, "fstat": 5, "poll": 7, "lseek": 8, "mmap": 9, "mprotect": 10, "munmap": 11, "brk": 12,
    "rt_sigaction": 13, "rt_sigprocmask": 14, "rt_sigreturn": 15, "pread64": 17, "readv": 19, "writev": 20, "access": 21,
    "sched_yield": 24, "mremap": 25, "madvise": 28, "nanosleep": 35, "getpid": 39, "clone": 56, "exit": 60, "arch_prctl": 158,
    "gettid": 186, "futex": 202, "sched_getaffinity": 204, "set_tid_address": 218, "restart_syscall": 219, "clock_gettime": 228,
    "clock_nanosleep": 230, "exit_group": 231, "openat": 257, "newfstatat": 262, "ppoll": 271, "set_robust_list": 273,
    "sigaltstack": 131, "prlimit64": 302, "getrandom": 318, "execveat": 322, "membarrier": 324, "rseq": 334, "clone3": 435,
}  # fmt: skip
_AARCH64 = {
    "read": 63, "write": 64, "close": 57, "fstat": 80, "lseek": 62, "mmap": 222, "mprotect": 226, "munmap": 215, "brk": 214,
    "rt_sigaction": 134, "rt_sigprocmask": 135, "rt_sigreturn": 139, "pread64": 67, "readv": 65, "writev": 66,
    "sched_yield": 124, "mremap": 216, "madvise": 233, "nanosleep": 101, "getpid": 172, "clone": 220, "exit": 93,
    "gettid": 178, "futex": 98, "sched_getaffinity": 123, "set_tid_address": 96, "restart_syscall": 128, "clock_gettime": 113,
    "clock_nanosleep": 115, "exit_group": 94, "openat": 56, "newfstatat": 79, "ppoll": 73, "set_robust_list": 99,
    "sigaltstack": 132, "prlimit64": 261, "getrandom": 278, "execveat": 281, "membarrier": 283, "rseq": 293, "clone3": 435,
    "faccessat": 48,
}  # fmt: skip
_MACHINES: Mapping[str, tuple[int, Mapping[str, int], int]] = {
    "x86_64": (0xC000003E, _X86_64, 317),
    "aarch64": (0xC00000B7, _AARCH64, 277),
}
"""Architecture as the kernel calls it, numbers of calls, number of `seccomp` itself."""

WORKING = (
    "read", "write", "readv", "writev", "close", "fstat", "newfstatat", "lseek", "poll", "ppoll", "mmap", "munmap", "mprotect",
    "madvise", "brk", "mremap", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "exit", "exit_group", "futex",
    "clock_gettime", "clock_nanosleep", "nanosleep", "getrandom", "getpid", "gettid", "sched_yield", "sched_getaffinity", "rseq",
    "membarrier", "restart_syscall",
)  # fmt: skip
"""What a program needs that computes, and talks over pipes that are open already."""
STARTING = ("access", "faccessat", "pread64", "arch_prctl", "set_tid_address", "set_robust_list", "prlimit64")
"""What the loader of a program needs besides, before the first line of it runs."""

LOAD, JUMP_EQUAL, JUMP_SET, JUMP_GREATER, AND, RETURN = 0x20, 0x15, 0x45, 0x35, 0x54, 0x06
KILL, ALLOW = 0x80000000, 0x7FFF0000
NUMBER_AT, ARCHITECTURE_AT, ARGUMENTS_AT = 0, 4, 16
EPERM, ENOSYS = 1, 38
X32 = 0x40000000
CLONE_THREAD = 0x00010000
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
AT_EMPTY_PATH = 0x1000


class NoFilter(Exception):
    """There is no filter on this kernel or machine; the text says why."""


class Instruction(NamedTuple):
    """One of BPF: what, where to jump when true and when false (instructions to skip), and a number."""

    code: int
    when: int
    otherwise: int
    number: int


def _refused(error: int) -> int:
    return 0x00050000 | error


def _words(argument: int) -> tuple[int, int]:
    """Where the low and the high half of an argument are. Both machines store the low half first."""
    at = ARGUMENTS_AT + 8 * argument
    return at, at + 4


def program(calls: Iterable[str], *, threads: bool, exec_fd: int | None = None, machine: str = "") -> list[Instruction]:
    """A filter that lets these calls through. `threads`: `clone` for threads of the same process, never for another process.

    `exec_fd`: one program may be begun from this open file, and files may be opened for reading, which its loader needs. Raises NoFilter.
    """
    known = _MACHINES.get(machine or platform.machine())
    if known is None:
        raise NoFilter(f"There is no filter of system calls for {machine or platform.machine()} machines.")
    architecture, numbers, _ = known
    steps = [
        Instruction(LOAD, 0, 0, ARCHITECTURE_AT),
        Instruction(JUMP_EQUAL, 1, 0, architecture),
        Instruction(RETURN, 0, 0, KILL),
        Instruction(LOAD, 0, 0, NUMBER_AT),
        Instruction(JUMP_GREATER, 0, 1, X32),
        Instruction(RETURN, 0, 0, _refused(EPERM)),
    ]
    for name in calls:
        if name in numbers:
            steps += [Instruction(JUMP_EQUAL, 0, 1, numbers[name]), Instruction(RETURN, 0, 0, ALLOW)]
    # The C library asks by clone3 first, whose flags a filter cannot see, and by clone when there is none.
    steps += [Instruction(JUMP_EQUAL, 0, 1, numbers["clone3"]), Instruction(RETURN, 0, 0, _refused(ENOSYS))]
    if threads:
        steps += _checked(numbers["clone"], _bits_set(0, CLONE_THREAD))
    if exec_fd is not None:
        steps += _checked(numbers["openat"], _bits_clear(2, WRITING))
        steps += _checked(numbers["execveat"], [*_equals(0, exec_fd), *_equals(4, AT_EMPTY_PATH)])
    return [*steps, Instruction(RETURN, 0, 0, _refused(EPERM))]


def _checked(number: int, tests: list[Instruction]) -> Iterator[Instruction]:
    """Of one call: let it through when all tests hold. A test that fails skips to the refusal, which `-1` stands for."""
    size = len(tests)
    yield Instruction(JUMP_EQUAL, 0, size + 2, number)
    for index, test in enumerate(tests):
        to_refusal = size - index
        yield test._replace(
            when=to_refusal if test.when == -1 else test.when,
            otherwise=to_refusal if test.otherwise == -1 else test.otherwise,
        )
    yield Instruction(RETURN, 0, 0, ALLOW)
    yield Instruction(RETURN, 0, 0, _refused(EPERM))


def _bits_set(argument: int, bits: int) -> list[Instruction]:
    low, _ = _words(argument)
    return [Instruction(LOAD, 0, 0, low), Instruction(JUMP_SET, 0, -1, bits)]


def _bits_clear(argument: int, bits: int) -> list[Instruction]:
    low, _ = _words(argument)
    return [Instruction(LOAD, 0, 0, low), Instruction(JUMP_SET, -1, 0, bits)]


def _equals(argument: int, value: int) -> list[Instruction]:
    low, high = _words(argument)
    return [
        Instruction(LOAD, 0, 0, low),
        Instruction(JUMP_EQUAL, 0, -1, value),
        Instruction(LOAD, 0, 0, high),
        Instruction(JUMP_EQUAL, 0, -1, 0),
    ]


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def apply(steps: list[Instruction]) -> None:
    """From now on this process, with all its threads, may do no more than that. There is no way back. Raises NoFilter."""
    known = _MACHINES.get(platform.machine())
    libc = ctypes.CDLL(None, use_errno=True)
    if known is None or libc.prctl(38, 1, 0, 0, 0) != 0:  # PR_SET_NO_NEW_PRIVS
        raise NoFilter("This kernel does not let a process give up its rights.")
    packed = b"".join(struct.pack("<HBBI", *step) for step in steps)
    compiled = _Program(len(steps), packed)
    all_threads = 1  # SECCOMP_FILTER_FLAG_TSYNC
    if libc.syscall(known[2], 1, all_threads, ctypes.byref(compiled)) != 0:
        raise NoFilter(f"This kernel takes no filter of system calls: {os.strerror(ctypes.get_errno())}.")
