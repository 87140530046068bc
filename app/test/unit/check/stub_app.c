/* SPDX-License-Identifier: BSD-3-Clause */

/* A program for a check that only looks at how it is linked. */

#ifdef WITH_DRIVER
__attribute__((used)) static const char info[] = "PMD_INFO_STRING= {\"name\" : \"net_stub\"}";
#endif

int
main(void)
{
	return 0;
}
