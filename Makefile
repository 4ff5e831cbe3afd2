# SPDX-License-Identifier: GPL-2.0
# The scripts in dev/ do the work. `make help` lists the targets.

# The scripts run make in the kernel tree. It must not inherit our flags.
unexport MAKEFLAGS MAKELEVEL

.PHONY: help run shell test test-all check docs series series-check bench bench-check bench-native litmus \
	torture fuzz mutants

help:
	@echo 'make run         build Linux 7.3 with our get_user_pages, boot it in QEMU, and pin memory of each kind'
	@echo 'make shell       boot the same machine with an interactive shell'
	@echo 'make test        run all tests; make test T=NAME runs one part or one program:'
	@dev/test --list | sed 's/^/                   /'
	@echo 'make test-all    run the parts that make test does not run, too; it takes hours'
	@echo 'make torture     take pages in every way while all that maps them changes; see HOURS, SCENARIO and SEED'
	@echo 'make fuzz        run random system calls that lead to get_user_pages on unmodified Linux and on ours, and'
	@echo '                 compare every result; see HOURS, SEED and REPLAY'
	@echo 'make mutants     break our sources in one place after the other, and see that a test notices;'
	@echo '                 ONLY=PATTERN does a part of it, QUICK=1 the part of make test, NATIVE=1 what'
	@echo '                 needs no kernel, KERNEL=1 the rest'
	@echo 'make bench       count the instructions per page, in unmodified Linux and in ours, and print a table'
	@echo 'make bench-check  measure ours and compare it with the committed table in results/'
	@echo 'make bench-native  measure nanoseconds per page in user space, see tools/testing/gup/README'
	@echo 'make litmus      check the memory ordering of the lockless walk on the memory model of the kernel'
	@echo 'make check       run checkpatch --strict, sparse, W=1 and kernel-doc on our files'
	@echo 'make docs        render our pages of the kernel documentation to HTML; a warning is an error'
	@echo 'make series      write our change to out/series as patches for git am'
	@echo 'make series-check  build, boot and test Linux after each patch (an hour or more); QUICK=1 does what make test T=series does'
	@echo
	@echo 'LINUX_SRC=PATH   use this source tree or tarball of Linux 7.3 (default: the Debian package)'
	@echo 'GUP_CACHE=DIR    keep sources and builds here (default: ~/.cache/gup)'
	@echo 'MINUTES=N        with make test: leave out, and say so, what may not end within this time'
	@echo 'HOURS=N          with make torture: how long each scenario lasts (SECONDS=N: default 60); with make fuzz:'
	@echo '                 how long it lasts'
	@echo 'SCENARIO=NAME    with make torture: this one alone, a file of tools/testing/selftests/mm/gup_scenarios'
	@echo 'SEED=N           with make torture, make fuzz: the same random choices as in a run before'
	@echo 'REPLAY=SEED:N,N  with make fuzz: this sequence alone, with these steps'
	@echo 'ACCEL=kvm        with make bench: measure time with KVM instead of counting instructions'
	@echo 'GDB=1            with make run, make shell: wait for gdb on port 1234'

run:
	@dev/setup run
	@dev/run

shell:
	@dev/setup run
	@dev/run --shell

test:
	@dev/setup
	@dev/test $(if $(MINUTES),--minutes $(MINUTES)) $(T)

test-all:
	@dev/setup
	@dev/test --all

torture:
	@dev/setup
	@dev/torture $(if $(HOURS),--hours $(HOURS)) $(if $(SECONDS),--seconds $(SECONDS)) \
		$(if $(SEED),--seed $(SEED)) $(SCENARIO)

fuzz:
	@dev/setup
	@dev/fuzz $(if $(HOURS),--hours $(HOURS)) $(if $(SECONDS),--seconds $(SECONDS)) \
		$(if $(SEED),--seed $(SEED)) $(if $(REPLAY),--replay $(REPLAY))

mutants:
	@dev/setup
	@dev/mutants $(if $(QUICK),--quick) $(if $(NATIVE),--native) $(if $(KERNEL),--kernel) \
		$(if $(ONLY),--only '$(ONLY)')

bench:
	@dev/setup run
	@dev/measure --accel $(or $(ACCEL),icount)

bench-check:
	@dev/setup run
	@dev/measure-check

litmus:
	@dev/setup run
	@dev/litmus

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
