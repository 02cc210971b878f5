"""Writes the files of this folder, which tests/test_files.c and test_data.c read. Needs h5py and numpy."""
import warnings
import zipfile

import h5py
import numpy as np

half = np.array([[0.5, -2.0, 65504.0], [6e-8, 0.0, 1.0]], "f2")
with h5py.File("kinds.h5", "w") as f:
    f.attrs["vlen"] = "caf\u00e9"
    f.attrs["vlen_bytes"] = b"ascii"
    f.attrs["fixed"] = np.bytes_("null padded")
    spaces = h5py.h5t.C_S1.copy()
    spaces.set_size(4)
    spaces.set_strpad(h5py.h5t.STR_SPACEPAD)
    h5py.h5a.create(f.id, b"spaces", spaces, h5py.h5s.create_simple((2,))).write(np.array([b"ab  ", b"c   "]), spaces)
    f.attrs["list"] = ["one", "", "three"]
    f.attrs["empty"] = []
    f.attrs["number"] = np.float32(1.5)
    f.attrs["null"] = h5py.Empty("f4")
    f.create_dataset("float16", data=half)
    f.create_dataset("float64", data=np.array([1e300, -1.5]))
    f.create_dataset("int64", data=np.array([[1, -2], [3, 1 << 24], [5, 6]]))
    f.create_dataset("big", data=np.array([1.25, -3.5], ">f4"))
    f.create_dataset("big_int", data=np.array([-2, 258], ">i2"))
    f.create_dataset("bool", data=np.array([True, False, True]))
    f.create_dataset("scalar", data=np.int32(7))
    f.create_dataset("gzip", data=np.arange(6000, dtype="f4").reshape(100, 60), chunks=(9, 60), compression="gzip",
                     shuffle=True, fletcher32=True)
    f.create_dataset("none", shape=(0, 4), dtype="f4")
    g = f.create_group("group/inner")
    g.attrs["name"] = "not read"
    g.attrs["weight_names"] = ["a", "b/c"]
    f["int64"].attrs["name"] = np.bytes_("read")
    f["int64"].attrs["vlen"] = "not read"

with h5py.File("soft.h5", "w") as f:
    f["a"] = np.zeros(3, "f4")
    f["b"] = h5py.SoftLink("/a")
with h5py.File("external_link.h5", "w") as f:
    f["b"] = h5py.ExternalLink("kinds.h5", "/big")
with h5py.File("external_data.h5", "w") as f:
    f.create_dataset("a", shape=(4,), dtype="f4", external=[("kinds.h5", 0, 16)])
with h5py.File("virtual.h5", "w") as f:
    layout = h5py.VirtualLayout(shape=(2,), dtype="f4")
    layout[:] = h5py.VirtualSource("kinds.h5", "big", shape=(2,))
    f.create_virtual_dataset("a", layout)
with h5py.File("cycle.h5", "w") as f:
    f.create_group("a/b")
    f["a/b/c"] = f["a"]
with h5py.File("bomb.h5", "w") as f:
    f.create_dataset("a", shape=(1 << 26,), dtype="f4", chunks=(1 << 20,), compression="gzip")
with h5py.File("zeros.h5", "w") as f:
    f.create_dataset("gzip", data=np.zeros((2000000, 3), "f4"), chunks=(100000, 3), compression="gzip")
    f.create_dataset("unwritten", shape=(1000, 3), dtype="f4")
    f.create_dataset("chunks", shape=(1000, 3), dtype="f4", chunks=(100, 3), fillvalue=2.5)
with h5py.File("strings.h5", "w") as f:
    f["a"] = ["text"]
with h5py.File("rank9.h5", "w") as f:
    f["a"] = np.zeros((1,) * 9, "f4")
with h5py.File("lzf.h5", "w") as f:
    f.create_dataset("a", data=np.zeros(1000, "f4"), compression="lzf")

np.save("float16.npy", half)
np.save("big.npy", np.array([[1, 2], [3, 4], [5, 70000]], ">i4"))
np.save("fortran.npy", np.asfortranarray(np.zeros((2, 3), "f4")))
np.save("bool.npy", np.array([True, False]))
np.save("complex.npy", np.zeros(2, "c8"))

with zipfile.ZipFile("bomb.keras", "w", zipfile.ZIP_DEFLATED) as z:
    z.writestr("config.json", " " * 1000000)
with zipfile.ZipFile("twice.keras", "w") as z, warnings.catch_warnings():
    warnings.simplefilter("ignore")
    z.writestr("config.json", "{}")
    z.writestr("config.json", "[]")
