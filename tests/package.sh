#!/bin/sh
# package.sh BUILD CC: what others do with Antler. Installs BUILD into a folder of its own; programs in C and C++ are built
# with it by pkg-config and by CMake's find_package, and run; programs that mix float and double, or give settings
# without names, must not build.
set -eu
build=$1
cc=$2
root=$(cd "$(dirname "$0")/.." && pwd)
outside=$root/tests/outside
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
strict="-Wall -Wextra -Wconversion -Wshadow -Werror"
failed=0

fail() { # MESSAGE
    echo "package: $*"
    failed=1
}

# must MESSAGE COMMAND...
must() {
    message=$1
    shift
    "$@" || fail "$message"
}

cmake --install "$build" --prefix "$work/prefix" >install.log
PKG_CONFIG_PATH=$(dirname "$(find prefix -name antler.pc)")
PKG_CONFIG_PATH=$work/$PKG_CONFIG_PATH
LD_LIBRARY_PATH=$(dirname "$PKG_CONFIG_PATH")
export PKG_CONFIG_PATH LD_LIBRARY_PATH

# flags LIBRARY: what pkg-config says
flags() {
    pkg-config --cflags --libs "$1"
}

# shellcheck disable=SC2086,SC2046 # flags are words
{
    # The program says the same in every language.
    must "C" $cc -std=c11 -Wpedantic $strict "$outside/user.c" -o user $(flags antler)
    must "C runs" ./user >want
    for cxx in g++ clang++; do
        command -v $cxx >/dev/null || continue
        for std in c++17 c++20; do
            pedantic=-Wpedantic
            [ $std = c++20 ] || pedantic= # names in { } are an extension there
            [ $std.$cxx != c++17.clang++ ] || pedantic=-Wno-c++20-designator
            must "$cxx $std" $cxx -x c++ -std=$std $pedantic $strict "$outside/user.c" -x none -o user++ $(flags antler)
            must "$cxx $std runs" ./user++ >got
            must "$cxx $std says the same" cmp want got
        done
    done

    # float and double are two libraries.
    must "double" $cc -std=c11 -Wpedantic $strict "$outside/user.c" -o user64 $(flags antler64)
    must "double runs" ./user64 >want64
    if $cc -std=c11 -DANTLER_DOUBLE "$outside/user.c" -o mixed $(flags antler) 2>log; then
        fail "a program for double links the library of float"
    fi
    grep -q 'antler64_' log || fail "the linker does not name antler64_"
    if $cc -std=c11 "$outside/user.c" -o mixed $(flags antler64 | sed 's/-DANTLER_DOUBLE//') 2>log; then
        fail "a program for float links the library of double"
    fi
    $cc -std=c11 -Wpedantic $strict -DASK=ask_float -c "$outside/both.c" -o float.o $(pkg-config --cflags antler)
    $cc -std=c11 -Wpedantic $strict -DASK=ask_double -c "$outside/both.c" -o double.o $(pkg-config --cflags antler64)
    for order in "antler antler64" "antler64 antler"; do
        must "both libraries: $order" $cc float.o double.o -o both $(pkg-config --libs $order)
        must "both libraries run: $order" ./both >/dev/null
    done

    # Settings without names.
    for case in 0 1 2 3 4 5 6 7 8 9 10 11; do
        built=$($cc -std=c11 -Wpedantic $strict -DCASE=$case -fsyntax-only "$outside/refused.c" \
            $(pkg-config --cflags antler) 2>log && echo 0 || echo 1)
        [ "$built" = $((case > 0)) ] || fail "refused.c, case $case: $(cat log)"
    done
}

# Arithmetic that would not give the same bits.
printf '#include "kernels/kernels.h"\n' >kernels.c
$cc -std=c11 -fsyntax-only -I"$root/include" -I"$root/src" kernels.c || fail "kernels.h"
if $cc -std=c11 -ffast-math -fsyntax-only -I"$root/include" -I"$root/src" kernels.c 2>/dev/null; then
    fail "-ffast-math is taken"
fi

# By CMake: the package, then Antler inside another project, which gets the library and no more.
cmake -S "$outside" -B found -DCMAKE_C_COMPILER="$cc" -DCMAKE_PREFIX_PATH="$work/prefix" >log 2>&1 || fail "$(cat log)"
cmake --build found >log 2>&1 || fail "$(cat log)"
must "the found library runs" found/user >got
must "the found library says the same" cmp got want
must "the found double library runs" found/user64 >got
must "the found double library says the same" cmp got want64
cmake -S "$outside" -B inside -DCMAKE_C_COMPILER="$cc" -DANTLER_SOURCE="$root" >log 2>&1 || fail "$(cat log)"
grep -q '^CMAKE_BUILD_TYPE:[A-Z]*=$' inside/CMakeCache.txt || fail "a build type was chosen for the project around"
cmake --build inside --target help >targets
if grep -E 'test_|make_data|antler_command|antler64' targets; then
    fail "a project around gets these targets"
fi

# The command finds its library by itself; licence and pages are there.
unset LD_LIBRARY_PATH
prefix/bin/antler --version >/dev/null || fail "the installed command"
for file in LICENSE docs/index.md; do
    [ -n "$(find prefix -path "*/$file")" ] || fail "no $file"
done
exit $failed
