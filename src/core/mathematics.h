/* Scalar functions in double that give the same bits on every machine: schedules, initializers and optimizers'
   constants reach the weights, and libm differs between systems. Made of + - * / and exact scaling by powers of two;
   within 1 ulp of the exact result (antler__pow: 2), special values as in C's Annex F. */
#ifndef ANTLER_MATHEMATICS_H
#define ANTLER_MATHEMATICS_H

#include "antler/random.h" /* antler_cos */

double antler__exp(double x);
double antler__log(double x);
double antler__pow(double x, double y);

#endif
