/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rte_vfio_cdev.h"
#include "table.h"
#include "term.h"

#define GAP 2

struct table_row {
	char *cells[TABLE_COLUMNS];
	bool dim;
};

static void
row_free(struct table_row *row)
{
	for (unsigned int i = 0; i < TABLE_COLUMNS; i++)
		free(row->cells[i]);
}

void
table_free(struct table *table)
{
	for (unsigned int i = 0; i < table->n_rows; i++)
		row_free(&table->rows[i]);
	free(table->rows);
	table->rows = NULL;
	table->n_rows = 0;
}

int
table_add(struct table *table, const char *const *cells, bool dim)
{
	struct table_row row = { .dim = dim };
	struct table_row *rows;

	rows = realloc(table->rows, (table->n_rows + 1) * sizeof(*rows));
	if (rows == NULL)
		return -ENOMEM;
	table->rows = rows;
	for (unsigned int i = 0; i < table->n_columns; i++) {
		row.cells[i] = strdup(cells[i]);
		if (row.cells[i] == NULL) {
			row_free(&row);
			return -ENOMEM;
		}
		rte_vfio_cdev_text_clean(row.cells[i]);
	}
	rows[table->n_rows++] = row;
	return 0;
}

/* The column to make narrower: one that yields, or else the widest that can be. */
static unsigned int
column_choose(const struct table *table, const unsigned int *widths)
{
	unsigned int chosen = table->n_columns;

	for (unsigned int i = 0; i < table->n_columns; i++) {
		if (widths[i] <= strlen(table->columns[i].title))
			continue;
		if (table->columns[i].yields)
			return i;
		if (chosen == table->n_columns || widths[i] > widths[chosen])
			chosen = i;
	}
	return chosen;
}

static void
widths_find(const struct table *table, unsigned int *widths)
{
	unsigned int total = (table->n_columns - 1) * GAP;
	unsigned int chosen, len;

	for (unsigned int i = 0; i < table->n_columns; i++) {
		widths[i] = strlen(table->columns[i].title);
		for (unsigned int row = 0; row < table->n_rows; row++) {
			len = strnlen(table->rows[row].cells[i], TABLE_WIDTH);
			widths[i] = len > widths[i] ? len : widths[i];
		}
		total += widths[i];
	}
	for (; total > TABLE_WIDTH; total--) {
		chosen = column_choose(table, widths);
		if (chosen == table->n_columns)
			break;
		widths[chosen]--;
	}
}

/* Without blanks at the end of the line. */
static void
line_print(const struct table *table, const unsigned int *widths, const char *const *cells,
	   const char *colour, FILE *out)
{
	unsigned int blanks = 0, width;
	bool cut;

	fputs(colour, out);
	for (unsigned int i = 0; i < table->n_columns; i++) {
		cut = strlen(cells[i]) > widths[i];
		width = fprintf(out, "%*s%.*s%s", blanks, "", (int)widths[i] - cut, cells[i],
				cut ? "~" : "") -
			blanks;
		blanks = widths[i] + GAP - width;
	}
	fprintf(out, "%s\n", colour[0] != '\0' ? TERM_PLAIN : "");
}

void
table_print(const struct table *table, FILE *out, bool colours)
{
	unsigned int widths[TABLE_COLUMNS];
	const char *titles[TABLE_COLUMNS];

	widths_find(table, widths);
	for (unsigned int i = 0; i < table->n_columns; i++)
		titles[i] = table->columns[i].title;
	line_print(table, widths, titles, colours ? TERM_BOLD : "", out);
	for (unsigned int i = 0; i < table->n_rows; i++)
		line_print(table, widths, (const char *const *)table->rows[i].cells,
			   colours && table->rows[i].dim ? TERM_DIM : "", out);
}
