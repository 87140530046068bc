/* SPDX-License-Identifier: BSD-3-Clause */

/* Programs and libraries that checks look at and that never run, on a machine of files. */

#ifndef STUBS_H
#define STUBS_H

/* Where they were built: the test's argument. */
extern const char *stubs_dir;

void
stub_copy(const char *stub, const char *path);

/* cmocka's setup: a good machine with /bin/app, which is linked with /lib/librte_eal.so.23. */
int
stubs_start(void **state);

#endif /* STUBS_H */
