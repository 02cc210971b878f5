/* What antler.h's macros are made of in C++, which takes no address of a struct that is written on the spot. A system
   header to the compiler, as g++ warns of every member that is left out. */
#ifndef ANTLER_CPLUSPLUS_H
#define ANTLER_CPLUSPLUS_H

#ifdef __cplusplus
#pragma GCC system_header

template <class Settings> inline const Settings *antler_lend_(const Settings &settings)
{
    return &settings;
}
/* `struct`, as a function may have the same name (antler_softmax). */
#define ANTLER_LEND_(type, ...) antler_lend_<struct type>({__VA_ARGS__})

/* A list of values, and how many they are. */
template <class Value, int N> inline const Value *antler_list_(const Value (&list)[N])
{
    return list;
}
template <class Value, int N> char (&antler_count_(const Value (&list)[N]))[N];
#define ANTLER_VALUES_(...) \
    antler_list_<antler_value>({__VA_ARGS__}), (int)sizeof(antler_count_<antler_value>({__VA_ARGS__}))
#endif

#endif
