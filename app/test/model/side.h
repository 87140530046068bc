/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Two processes in one: the writable data of the library and of the fake EAL (two shared objects)
 * exists once for each, and is exchanged when a thread of the other one goes on.
 */

#ifndef SIDE_H
#define SIDE_H

#define PRIMARY 0
#define SECONDARY 1
#define SIDES 2

/* What is there now is how each process starts. */
void
sides_record(void);

/* Both are as at their start. */
void
sides_reset(void);

/* From now on this one runs. */
void
side_enter(unsigned int side);

unsigned int
side_current(void);

#endif /* SIDE_H */
