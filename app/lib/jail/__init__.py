"""A process that shuts itself in, before it runs code of strangers. Linux only, by calls of the kernel; nothing is installed for it.

namespaces  no files, no network, no other processes, no rights: the kernel's namespaces
filters     the few calls of the kernel that are left (seccomp), for x86_64 and aarch64
limits      memory, files and threads (rlimits)

These modules import nothing of the product, so that children start fast.
"""
