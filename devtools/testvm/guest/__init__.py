# SPDX-License-Identifier: BSD-3-Clause
"""What runs inside the guest; wire is shared with the host side."""
