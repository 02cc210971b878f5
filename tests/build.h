/* What this build can read and write, for suites that leave out what needs it, and the exit status of one that cannot
   run at all: CTest says so. */
#ifndef ANTLER_BUILD_H
#define ANTLER_BUILD_H

enum {
    SKIPPED = 77,
#ifdef ANTLER_WITH_HDF5
    HAS_HDF5 = 1,
#else
    HAS_HDF5 = 0,
#endif
#ifdef ANTLER_WITH_ZIP
    HAS_ZIP = 1
#else
    HAS_ZIP = 0
#endif
};

#endif
