#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The store killed, cut off from power and lied to, scaled down; tests/store/full runs all of it.
. "$(dirname "$0")/lib.sh"

export BUILD
faults=$tree/tests/store/faults.py
python3 "$faults" kill --times 80 --dir "$tmp"
python3 "$faults" calls --every 41 --seed "$((RANDOM % 41))"
python3 "$faults" power --times 12 --fsck --dir "$tmp"
