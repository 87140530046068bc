# SPDX-License-Identifier: BSD-3-Clause
"""The benchmarks: what ours costs beside stock, in pairs that take turns in one guest.

Reading order: cli (what a user can choose), figures (pairs, goals, JSON), plot, machine (guests and
whether they count instructions), then what is measured: memory, forwarding, programs, devices.
"""
