"""Writes the files of this folder, which tests/test_files.c and test_data.c read. Needs h5py and numpy."""
import gzip
import struct
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


# What libhdf5 itself can undo, and how Keras marks what it does not know; with a block of somebody else's before it.
with h5py.File("filters.h5", "w", userblock_size=512) as f:
    numbers = np.arange(-300, 300).reshape(100, 6)
    f.create_dataset("scaleoffset", data=numbers.astype("i4"), chunks=(10, 6), scaleoffset=0)
    f.create_dataset("decimals", data=numbers.astype("f4") / 4, chunks=(10, 6), scaleoffset=2)
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk((10, 6))
    plist.set_filter(h5py.h5z.FILTER_NBIT, 0)
    space = h5py.h5s.create_simple((100, 6))
    h5py.h5d.create(f.id, b"nbit", h5py.h5t.STD_I32BE, space, plist).write(h5py.h5s.ALL, h5py.h5s.ALL, numbers.astype("i4"))
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_layout(h5py.h5d.COMPACT)
    space = h5py.h5s.create_simple((3,))
    values = np.array([1, 2, 3], "f4")
    h5py.h5d.create(f.id, b"compact", h5py.h5t.IEEE_F32BE, space, plist).write(h5py.h5s.ALL, h5py.h5s.ALL, values)
    brain = (np.array([[1.5, -2], [0, 3e38]], "f4").view("u4") >> 16).astype("u2").view("V2")
    f.create_dataset("bfloat16", data=brain)
    f["bfloat16"].attrs["dtype"] = "bfloat16"
    f.create_dataset("packed", data=brain, chunks=(1, 2), compression="gzip")
    f["packed"].attrs["dtype"] = np.bytes_("bfloat16")
with h5py.File("narrow.h5", "w") as f:  # negative ones come out of libhdf5 1.10 as positive ones
    narrow = h5py.h5t.STD_I32LE.copy()
    narrow.set_precision(20)
    space = h5py.h5s.create_simple((3,))
    h5py.h5d.create(f.id, b"a", narrow, space).write(h5py.h5s.ALL, h5py.h5s.ALL, np.array([-1, 0, 1], "i4"))
with h5py.File("opaque.h5", "w") as f:
    f["a"] = brain
with h5py.File("szip.h5", "w") as f: # the number alone: not every libhdf5 can write it
    f.create_dataset("a", data=np.arange(64, dtype="f4"), chunks=(64,), shuffle=True)
    marked = "szip.h5"
with open(marked, "r+b") as f: # shuffle, filter 2, becomes filter 4 in the list of filters
    data = f.read()
    at = data.index(b"shuffle") - 8
    assert data[at:at + 2] == b"\2\0"
    f.seek(at)
    f.write(b"\4\0")

# A group of groups, each linked twice on 18 levels: paths that no memory holds. Three hundred references to one string.
with h5py.File("linked.h5", "w", libver="latest") as f:
    g = f
    for i in range(18):
        n = g.create_group("a" * 50)
        g["b" * 50] = n
        g = n
with h5py.File("references.h5", "w") as f:
    f.attrs["one"] = "x" * 5000
    f.attrs.create("list", ["y%05d" % i for i in range(300)], dtype=h5py.string_dtype())
with open("references.h5", "r+b") as f:
    data = bytearray(f.read())
    heap = data.index(b"GCOL")
    one = next(i for i in range(len(data)) if data[i:i + 4] == (5000).to_bytes(4, "little")
               and data[int.from_bytes(data[i + 4:i + 12], "little"):][:4] == b"GCOL")
    for i in range(len(data) - 16):
        if data[i:i + 4] == (6).to_bytes(4, "little") and \
                data[int.from_bytes(data[i + 4:i + 12], "little"):][:4] == b"GCOL":
            data[i:i + 16] = data[one:one + 16]
    f.seek(0)
    f.write(data)
with h5py.File("chunks.h5", "w") as f: # a node of libhdf5's for each of them, though none was written
    f.create_dataset("a", shape=(1 << 24,), chunks=(1,), dtype="u1")

np.save("float16.npy", half)
np.save("big.npy", np.array([[1, 2], [3, 4], [5, 70000]], ">i4"))
np.save("fortran.npy", np.asfortranarray(np.zeros((2, 3), "f4")))
np.save("bool.npy", np.array([True, False]))
np.save("complex.npy", np.zeros(2, "c8"))

with zipfile.ZipFile("bomb.keras", "w", zipfile.ZIP_DEFLATED) as z:
    z.writestr("config.json", " " * 1000000)
with zipfile.ZipFile("bzip2.keras", "w", zipfile.ZIP_BZIP2) as z:
    z.writestr("config.json", "{}")


class Pipe:
    """What cannot be gone back in: sizes then follow the data."""

    def __init__(self, path):
        self.file = open(path, "wb")

    def write(self, data):
        return self.file.write(data)

    def flush(self):
        self.file.flush()


# 20 GiB of which nothing was written.
with h5py.File("sparse.h5", "w") as f:
    f.create_dataset("x_train", (436907, 64, 64, 3), "f4", chunks=(21, 64, 64, 3))
    f.create_dataset("y_train", (436907,), "u1", chunks=(65536,))

with zipfile.ZipFile(Pipe("descriptors.keras"), "w", zipfile.ZIP_DEFLATED) as z:
    with z.open("config.json", "w", force_zip64=True) as member:
        member.write(b"{}")
    z.writestr("notes/of/a/program.txt", "passed over")
with zipfile.ZipFile("twice.keras", "w") as z, warnings.catch_warnings():
    warnings.simplefilter("ignore")
    z.writestr("config.json", "{}")
    z.writestr("config.json", "[]")

# MNIST's format: a type, the sizes, the numbers; packed as MNIST is, and cut.
packed = gzip.compress(b"\0\0\x0b\1" + struct.pack(">I3h", 3, 1, -2, 300), mtime=0)
with open("packed.idx.gz", "wb") as f:
    f.write(packed)
with open("packed_cut.idx.gz", "wb") as f:
    f.write(packed[:-12])
with open("packed_bomb.idx.gz", "wb") as f:
    f.write(gzip.compress(b"\0\0\x08\3" + struct.pack(">3I", 1000, 1000, 1000), mtime=0))
