"""Writes pictures/ and, as Keras reads it, pictures_rgb.npy and pictures_grayscale.npy; and bad_pictures/. Needs
Keras with TensorFlow. Run in this folder."""
import os
import struct
import zlib

import keras
import numpy as np
import tensorflow as tf

random = np.random.default_rng(1)


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)


def png(height, width, channels):
    return tf.io.encode_png(random.integers(0, 256, (height, width, channels)).astype("u1")).numpy()


ramp = np.linspace(0, 255, 20 * 12 * 3).reshape(20, 12, 3).astype("u1")
jpeg = tf.io.encode_jpeg(ramp, quality=90).numpy()
write("pictures/cats/b.png", png(5, 11, 3))
write("pictures/cats/a.png", png(14, 6, 4))
write("pictures/cats/inner/a.png", png(4, 4, 1))
write("pictures/ants/z.jpeg", jpeg)
write("pictures/ants/B.PNG", png(1, 1, 3))
write("pictures/ants/notes.txt", b"no picture\n")
for mode in ["rgb", "grayscale"]:
    data = keras.utils.image_dataset_from_directory(
        "pictures", color_mode=mode, image_size=(4, 5), shuffle=False, batch_size=9, verbose=False)
    for x, y in data:
        np.save("pictures_%s.npy" % mode, x.numpy())
        print(x.shape, y.numpy(), data.class_names, data.file_paths)


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


# Passed over here, not by Keras.
write("pictures/ants/.hidden.png", b"no picture\n")
write("pictures/.cache/x.png", b"no picture\n")
head = b"\x89PNG\r\n\x1a\n"
write("bad_pictures/cut.png", png(9, 9, 3)[:100])
write("bad_pictures/bomb.png", head + chunk(b"IHDR", struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0))
      + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b""))
write("bad_pictures/cut.jpg", jpeg[:650])
write("bad_pictures/early.jpg", jpeg[:150])
write("bad_pictures/other.gif", b"GIF89a\1\0\1\0\0\0\0;")
write("bad_pictures/empty.png", b"")
