# SPDX-License-Identifier: GPL-2.0
# Everything is done by the scripts in dev/; `make help` says what there is.

# The scripts run make on the kernel: nothing of this one's may reach it.
unexport MAKEFLAGS MAKELEVEL

.PHONY: help run shell test check docs series series-check bench bench-check bench-native

help:
	@echo 'make run         build Linux 7.3 with our get_user_pages, boot it in QEMU, pin memory of each kind'
	@echo 'make shell       the same machine with an interactive shell'
	@echo 'make test        all tests, with one summary line; make test T=NAME runs one part or one program:'
	@dev/test --list | sed 's/^/                   /'
	@echo 'make bench       measure what a page costs, in Linux as it is and with ours, and print a table'
	@echo 'make bench-check compare ours with the committed table in results/'
	@echo 'make bench-native  nanoseconds a page in user space, base beside ours: see tools/testing/gup/README'
	@echo 'make check       checkpatch --strict, sparse, W=1, kernel-doc on our files'
	@echo 'make docs        our pages of the kernel documentation as HTML; a warning is an error'
	@echo 'make series      our change as patches for git am, in out/series'
	@echo 'make series-check  build, boot and test Linux after each of them (an hour or more); QUICK=1: as make test T=series'
	@echo
	@echo 'LINUX_SRC=PATH   take Linux 7.3 from this source tree or tarball (default: the Debian package)'
	@echo 'GUP_CACHE=DIR    where sources and builds are kept (default: ~/.cache/gup)'
	@echo 'ACCEL=kvm        make bench: measure time with KVM, instead of counting instructions'
	@echo 'GDB=1            make run, make shell: wait for gdb on port 1234'

run:
	@dev/setup run
	@dev/run

shell:
	@dev/setup run
	@dev/run --shell

test:
	@dev/setup
	@dev/test $(T)

bench:
	@dev/setup run
	@dev/measure --accel $(or $(ACCEL),icount)

bench-check:
	@dev/setup run
	@dev/measure-check

check:
	@dev/setup check
	@dev/check

docs:
	@dev/setup docs
	@dev/docs

series:
	@dev/setup check
	@dev/series

series-check:
	@dev/setup
	@dev/series-check $(if $(QUICK),--quick)

bench-native:
	@dev/setup run
	@dev/measure-native
