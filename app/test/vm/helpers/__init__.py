# SPDX-License-Identifier: BSD-3-Clause
"""What several of the test modules use."""
