"""Makes snapshots of a dataset, in the order in which its input names them, a line each: many-snapshots.py DATASET

One process for all: each snapshot of a dataset waits for a transaction group of its own (a channel program cannot make two
in one either), but not for the start of a zfs command.
"""

import ctypes
import sys
from ctypes.util import find_library

pairs, core = (ctypes.CDLL(find_library(name)) for name in ("nvpair", "zfs_core"))
dataset = sys.argv[1]
if core.libzfs_core_init() != 0:
    sys.exit("no ZFS")
for label in sys.stdin.read().splitlines():
    snapshots, errors = ctypes.c_void_p(), ctypes.c_void_p()
    pairs.nvlist_alloc(ctypes.byref(snapshots), 1, 0)
    pairs.nvlist_add_boolean(snapshots, f"{dataset}@{label}".encode())
    code = core.lzc_snapshot(snapshots, None, ctypes.byref(errors))
    if code != 0:
        sys.exit(f"{dataset}@{label}: error {code}")
    pairs.nvlist_free(snapshots)
    pairs.nvlist_free(errors)
