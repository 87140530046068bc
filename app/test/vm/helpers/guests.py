# SPDX-License-Identifier: BSD-3-Clause
"""What all guests of the tests have in common."""

from testvm.qemu import Guest

# Drivers that the tests use, and what DPDK's programs are linked with: the EAL opens all that is in
# its directory at each start, which takes longer than the rest of it. test_releases.py has a test
# with all of them.
PLUGINS = ("baseband_acc", "baseband_fpga*", "baseband_la12xx", "bus_*", "common_dpaax",
           "common_iavf", "common_mlx5", "crypto_scheduler", "crypto_virtio", "dma_skeleton",
           "event_skeleton", "event_sw", "mempool_dpaa", "mempool_ring", "mempool_stack",
           "net_bnxt", "net_bond", "net_dpaa", "net_e1000", "net_i40e", "net_iavf", "net_ice",
           "net_ixgbe", "net_mlx5", "net_null", "net_pcap", "net_ring", "net_virtio", "net_vmxnet3",
           "power_*", "raw_skeleton")
# Time-outs are for hangs: they are this many times as long as a quiet machine of two emulated CPUs
# needs, and longer where even the boot took longer than it does there (in seconds).
PATIENCE, USUAL_BOOT = 4.0, 4.0


def be_patient(guest: Guest) -> None:
    """Scale the time-outs of a guest that has booted."""
    guest.patience = PATIENCE * max(1.0, guest.boot_seconds / USUAL_BOOT)
