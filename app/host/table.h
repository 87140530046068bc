/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A table of text: aligned columns, at most TABLE_WIDTH wide. What is too long
 * is cut and ends in a tilde.
 */

#ifndef APP_TABLE_H
#define APP_TABLE_H

#include <stdbool.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TABLE_WIDTH 100
#define TABLE_COLUMNS 16

struct table_column {
	const char *title; /* also as narrow as the column gets */
	bool yields;	   /* is cut before the others are */
};

struct table {
	const struct table_column *columns;
	unsigned int n_columns; /* at most TABLE_COLUMNS */
	unsigned int n_rows;
	struct table_row *rows;
};

/* An empty one is { .columns = ..., .n_columns = ... }; table_free() it. */
void
table_free(struct table *table);

/* Add a row with a copy of each column's text, cleaned; 0 or -ENOMEM. */
int
table_add(struct table *table, const char *const *cells, bool dim);

/* Print titles and rows; in colour, these are bold, and dim those that were added so. */
void
table_print(const struct table *table, FILE *out, bool colours);

#ifdef __cplusplus
}
#endif

#endif /* APP_TABLE_H */
