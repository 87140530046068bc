# SPDX-License-Identifier: BSD-3-Clause
"""The rules of devtools/check, by topic."""
