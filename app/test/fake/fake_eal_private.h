/* SPDX-License-Identifier: BSD-3-Clause */

/* What the files of the fake EAL share. */

#ifndef FAKE_EAL_PRIVATE_H
#define FAKE_EAL_PRIVATE_H

#include "fake_eal.h"

/* Note what as misuse of the EAL unless this is right. */
void
fake_eal_expect(bool right, const char *what);

#define expect(right, what) fake_eal_expect(right, what)

/* Forget all memory and the callback. */
void
fake_eal_memory_reset(void);

/* Has this thread the memory lock, for reading or writing? */
bool
fake_eal_memory_is_locked(void);

#endif /* FAKE_EAL_PRIVATE_H */
