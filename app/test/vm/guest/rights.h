/* SPDX-License-Identifier: BSD-3-Clause */

/* A program that gives up what it has needed for its start. */

#ifndef RIGHTS_H
#define RIGHTS_H

/* Drop a capability for good in all threads of this process; how many there are. */
unsigned int
rights_drop(unsigned int capability);

#endif /* RIGHTS_H */
