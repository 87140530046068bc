/* SPDX-License-Identifier: BSD-3-Clause */

/* A forwarding program, as a function: a program links it, and a plug-in has it. */

#ifndef FORWARD_H
#define FORWARD_H

/*
 * [EAL OPTION...] [-- PORT...]
 *
 * Forwards from each of these ports, or of both, to the other one, until standard
 * input ends. Each line of that is a command, answered by lines that end with "done":
 *
 * memory	"page VA IOVA LEN" of each page that the EAL has
 * grow MIB	allocate, a MiB at a time
 * shrink	free what was allocated so
 * counts	"port NUMBER: PACKETS received, PACKETS sent"
 * quit		end as at the end of standard input
 *
 * Returns the exit status, which is 2 without two ports.
 */
int
forward_run(int argc, char **argv);

#endif /* FORWARD_H */
