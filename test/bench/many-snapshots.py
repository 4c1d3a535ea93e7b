"""Makes so many snapshots of a dataset, @hourly-1 and so on: many-snapshots.py DATASET COUNT

One process for all: each snapshot of a dataset waits for a transaction group of its own (a channel program cannot make two
in one either), but not for the start of a zfs command.
"""

import ctypes
import glob
import sys


def library(name):
    return ctypes.CDLL(glob.glob(f"/lib*/**/{name}.so.*", recursive=True)[0])


pairs, core = library("libnvpair"), library("libzfs_core")
dataset, count = sys.argv[1], int(sys.argv[2])
if core.libzfs_core_init() != 0:
    sys.exit("no ZFS")
for number in range(1, count + 1):
    snapshots, errors = ctypes.c_void_p(), ctypes.c_void_p()
    pairs.nvlist_alloc(ctypes.byref(snapshots), 1, 0)
    pairs.nvlist_add_boolean(snapshots, f"{dataset}@hourly-{number}".encode())
    code = core.lzc_snapshot(snapshots, None, ctypes.byref(errors))
    if code != 0:
        sys.exit(f"{dataset}@hourly-{number}: error {code}")
    pairs.nvlist_free(snapshots)
    pairs.nvlist_free(errors)
