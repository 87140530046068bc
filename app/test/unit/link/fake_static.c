/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What shows that DPDK is in a program that shows none of its functions: many
 * constructors, and the text that describes a driver.
 */

static const char driver[] __attribute__((used)) = "PMD_INFO_STRING= {\"name\" : \"fake\"}";
static volatile int count;

#define START(name) \
	__attribute__((constructor)) static void start_##name(void) \
	{ \
		count++; \
	}
#define FOUR(name) START(name##1) START(name##2) START(name##3) START(name##4)

FOUR(a)
FOUR(b)
FOUR(c)
FOUR(d)
FOUR(e)
FOUR(f)
FOUR(g)
FOUR(h)

int
main(void)
{
	return count == 32 ? 0 : 1;
}
