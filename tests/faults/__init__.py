"""Faults on purpose: kills, full disks, damaged and hostile files. ``pytest -m faults`` runs them."""
