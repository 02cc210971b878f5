/* One lock for what is the process's and takes a moment: cJSON's global, the registry. A child process finds it free,
   as fork waits for it; who holds it must not fork, nor take it again. */
#ifndef ANTLER_LOCK_H
#define ANTLER_LOCK_H

void antler__lock(void);
void antler__unlock(void);

#endif
