# SPDX-License-Identifier: BSD-3-Clause
"""Sphinx configuration; meson sets DOXYGEN_XML to what Doxygen wrote."""

import os

project = "dpdk-vfio-cdev"
author = "the dpdk-vfio-cdev maintainers"
extensions = ["breathe"]
breathe_projects = {project: os.environ["DOXYGEN_XML"]}
breathe_default_project = project
breathe_domain_by_extension = {"h": "c"}
html_theme = "alabaster"
# Room for commands and messages of 100 columns.
html_theme_options = {"page_width": "1200px", "body_max_width": "auto"}
highlight_language = "none"
html_static_path = ["static"]
html_css_files = ["narrow.css"]
# Every reference has to lead somewhere, but those to types of C, and doxygen's to whole headers.
nitpicky = True
nitpick_ignore_regex = [("c:identifier", ".*"), ("std:ref", "rte_.*_8h")]
html_show_sourcelink = False
# Quotes only: "--" begins options.
smartquotes_action = "q"
man_pages: list[tuple[str, str, str, list[str], int]] = [
    ("dpdk-vfio-cdev", "dpdk-vfio-cdev", "list, check and use VFIO cdevs for DPDK", [], 1),
    ("dpdk-test-vfio-cdev", "dpdk-test-vfio-cdev", "validate a host for DPDK over VFIO cdevs",
     [], 1),
]
