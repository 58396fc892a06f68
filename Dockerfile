# The locked environment, for sites without conda or a network. The workflow itself is mounted:
#   docker build --tag amc-loss .
#   docker run --rm --gpus all --volume "$PWD:/work" --workdir /work amc-loss snakemake --cores 8
#   apptainer build amc-loss.sif docker-daemon:amc-loss:latest
#   apptainer exec --nv amc-loss.sif snakemake --cores 8
FROM python:3.12-slim
# git for the commit in provenance.json, whoever owns the checkout; a C compiler for torch.compile.
RUN apt-get update && apt-get install -y --no-install-recommends gcc git libc6-dev && rm -rf /var/lib/apt/lists/* \
    && git config --system --add safe.directory '*'
RUN pip install --no-cache-dir 'uv>=0.9'
WORKDIR /opt/amc-loss
COPY pyproject.toml uv.lock ./
RUN uv sync --locked --extra workflow --no-install-project --no-cache
ENV PATH="/opt/amc-loss/.venv/bin:$PATH"
