# `make demo` runs the whole workflow on data that scikit-learn ships, `make download` fetches the paper's data,
# `make report` makes the paper's study and its report, `make test` runs the tests. Each first makes the locked
# environment in .venv, with uv: the one on the PATH, or one fetched into .uv.

UV := $(or $(shell command -v uv),.uv/bin/uv)
# A relative path is of no use to programs that run elsewhere.
unexport UV
CORES ?= $(shell nproc)
PROFILE ?= profiles/default
ROOT := $(if $(filter 0,$(shell id -u)),,sudo)

.PHONY: demo download report services test check docs

demo: $(UV)
	$(UV) run --locked --extra workflow snakemake --workflow-profile profiles/demo --logger rich --cores $(CORES)

download: $(UV)
	$(UV) run --locked --extra workflow snakemake download --cores $(CORES)

report: $(UV)
	$(UV) run --locked --extra workflow snakemake report --workflow-profile $(PROFILE) --logger rich --cores $(CORES)

test: $(UV)
	$(UV) run --locked --extra workflow --group test $(MAKE) check

# Debian's packages for the tests that run a Slurm of their own, and for those that open the report in a browser; where
# they are missing these tests are skipped.
services:
	$(ROOT) apt-get -q update
	$(ROOT) env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends \
		munge slurmctld slurmd slurmdbd slurm-client mariadb-server chromium chromium-driver

# The pages that are made from the configuration and the code.
docs: $(UV)
	$(UV) run --locked --extra workflow python docs/pages.py

# What `make test` runs inside the environment.
check:
	ruff format --check
	ruff check
	snakefmt --check Snakefile workflow
	mypy
	pytest --numprocesses 2 --dist loadfile

.uv/bin/uv:
	python3 -m venv .uv
	.uv/bin/pip install --quiet --disable-pip-version-check 'uv>=0.9'
