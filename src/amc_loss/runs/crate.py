"""``ro-crate-metadata.json``: what lies in a study's archive and how it was made, as a Workflow Run RO-Crate.

It conforms to Workflow Run Crate 0.5 (https://w3id.org/ro/wfrun/workflow/0.5): the Snakefile is the workflow,
and beside its run each training is an action of its own, with its settings, data, software and device.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from amc_loss.data.dataset import checksum
from amc_loss.jobs.files import read_json

METADATA = "ro-crate-metadata.json"
RO_CRATE = "https://w3id.org/ro/crate/1.1"
WORKFLOW_CRATE = "https://w3id.org/workflowhub/workflow-ro-crate/1.0"
CONTEXT = [f"{RO_CRATE}/context", "https://w3id.org/ro/terms/workflow-run/context"]
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": "Process Run Crate",
    "https://w3id.org/ro/wfrun/workflow/0.5": "Workflow Run Crate",
    WORKFLOW_CRATE: "Workflow RO-Crate",
}
SNAKEMAKE = "https://w3id.org/workflowhub/workflow-ro-crate#snakemake"
# A file with another ending, or none, is text.
FORMATS = {
    ".csv": "text/csv",
    ".json": "application/json",
    ".npz": "application/zip",
    ".pt": "application/zip",
    ".py": "text/x-python",
    ".yaml": "application/yaml",
}
TYPES = {bool: "Boolean", int: "Integer", float: "Float", str: "Text"}
# What a training ran with; the last two are what it made of "auto".
USED = ("device", "device_type", "threads", "precision", "engine")
PACKAGE = "https://pypi.org/project/{name}/{version}/"
# Of software that is no package of Python's.
PAGES = {
    "python": "https://docs.python.org/release/{version}/",
    "cuda": "https://docs.nvidia.com/cuda/archive/{version}.0/",
}

Entity = dict[str, Any]


class _Graph(dict[str, Entity]):
    """Entities by their identifiers."""

    def add(self, identifier: str, kind: str, name: str, **properties: Any) -> Entity:
        """Keep an entity, if there is none of this identifier yet; gives the reference to it."""
        self.setdefault(identifier, {"@id": identifier, "@type": kind, "name": name, **properties})
        return {"@id": identifier}

    def file(self, name: str, size: int, sha256: str) -> Entity:
        """As `add`, for a file of the archive; ``size`` is in bytes."""
        path = PurePosixPath(name)
        properties = {"encodingFormat": FORMATS.get(path.suffix, "text/plain"), "contentSize": str(size)}
        return self.add(quote(name), "File", path.name, **properties, sha256=sha256)


def describe_archive(
    files: Mapping[str, Path],
    snakefile: tuple[str, str],
    study: str,
    datasets: Mapping[str, Mapping[str, Any]],
    citation: Mapping[str, Any],
    snakemake: str,
) -> dict[str, Any]:
    """The content of `METADATA`: the same for the same files with the same time stamps.

    Of an absolute path, which tells of a machine, it has the last part alone. Its date is that of the newest
    file, in UTC, since no record of a training has one.

    Args:
        files: By their names in the archive, where they are on this machine; of each training there is a
            ``<run>/provenance.json``.
        snakefile: The Snakefile's name in the archive, and its text.
        study: The study's name.
        datasets: For each dataset that was trained on what determines its content, as
            `amc_loss.study.study.Study.data` gives it.
        citation: The content of ``CITATION.cff``.
        snakemake: Version of Snakemake.

    Raises:
        OSError: If a file cannot be read.
        UnusableFileError: If a ``provenance.json`` is damaged.
        KeyError: If a ``provenance.json`` or the citation lacks something, or a dataset is missing.
    """
    graph = _Graph()
    license_ = citation["license"]
    origin = {
        "author": [_author(graph, author) for author in citation["authors"]],
        "license": graph.add(f"https://spdx.org/licenses/{license_}", "CreativeWork", license_),
    }
    parts = {name: graph.file(name, path.stat().st_size, checksum(path)) for name, path in files.items()}
    given = [part for name, part in parts.items() if name.endswith((".yaml", ".py"))]
    trainings = [
        _training(graph, PurePosixPath(name).parent, parts, read_json(path), datasets)
        for name, path in files.items()
        if name.endswith("/provenance.json")
    ]
    text = snakefile[1].encode()
    workflow = graph.file(snakefile[0], len(text), hashlib.sha256(text).hexdigest())
    graph[workflow["@id"]] |= {
        "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow"],
        "name": citation["title"],
        "alternateName": "Snakefile",
        "version": citation["version"],
        "programmingLanguage": graph.add(
            SNAKEMAKE, "ComputerLanguage", "Snakemake", url="https://snakemake.github.io/", version=snakemake
        ),
        "hasPart": _unique(graph[training["@id"]]["instrument"] for training in trainings),
        **origin,
    }
    run = graph.add(
        "#study",
        "CreateAction",
        f"Study {study}",
        description=f"{len(trainings)} trainings, and what was measured of them",
        instrument=workflow,
        object=[*given, *_unique(graph[training["@id"]]["object"][0] for training in trainings)],
        result=[part for part in parts.values() if part not in given],
    )
    newest = max(path.stat().st_mtime for path in files.values())
    root = graph.add(
        "./",
        "Dataset",
        f"{citation['title']}, study {study}",
        description="What took long to make, from which every table and figure follows without a training, "
        "and how it was made",
        datePublished=datetime.fromtimestamp(newest, UTC).isoformat(timespec="seconds"),
        conformsTo=[
            graph.add(address, "CreativeWork", name, version=address.rpartition("/")[2])
            for address, name in PROFILES.items()
        ],
        citation=[
            graph.add(work["url"], "ScholarlyArticle", work["title"]) for work in citation["references"]
        ],
        mainEntity=workflow,
        hasPart=[workflow, *parts.values()],
        mentions=[run, *trainings],
        **origin,
    )
    descriptor = {
        "@id": METADATA,
        "@type": "CreativeWork",
        "about": root,
        "conformsTo": [{"@id": RO_CRATE}, {"@id": WORKFLOW_CRATE}],
    }
    entities = [descriptor, graph.pop("./"), *graph.values()]
    return {"@context": CONTEXT, "@graph": [_compact(entity) for entity in entities]}


def _compact(entity: Entity) -> Entity:
    """An entity whose lists of one are that one, as RO-Crate recommends."""
    return {
        key: value[0] if isinstance(value, list) and len(value) == 1 else value
        for key, value in entity.items()
    }


def _author(graph: _Graph, author: Mapping[str, str]) -> Entity:
    """A person or, under the key name, an entity."""
    name = author.get("name") or f"{author['given-names']} {author['family-names']}"
    kind = "Organization" if "name" in author else "Person"
    return graph.add(author.get("orcid", f"#{quote(name)}"), kind, name)


def software(record: Mapping[str, Any]) -> dict[str, str | None]:
    """What trained, from its ``provenance.json``: versions by name, that of cuda None on a CPU."""
    return {"python": record["python"], **record["versions"], "cuda": record["cuda"]}


def _training(
    graph: _Graph,
    folder: PurePosixPath,
    parts: Mapping[str, Entity],
    record: Mapping[str, Any],
    datasets: Mapping[str, Mapping[str, Any]],
) -> Entity:
    """The action of one training, from its ``provenance.json``."""
    dataset, digest = record["settings"]["dataset"], record["data_sha256"]
    source = ", ".join(f"{key} {_public(value)}" for key, value in datasets[dataset].items())
    data = graph.add(f"#{dataset}-{digest[:8]}", "Dataset", dataset, description=source, sha256=digest)
    versions = software(record)
    required = []
    for name, version in versions.items():
        if version:
            page = PAGES.get(name, PACKAGE).format(name=name, version=quote(version))
            required.append(graph.add(page, "SoftwareApplication", name, softwareVersion=version, url=page))
    code = hashlib.sha256(json.dumps([record["commit"], versions]).encode()).hexdigest()
    tool = graph.add(
        f"#train-{code[:8]}",
        "SoftwareApplication",
        "Training of one network",
        description="The workflow's rule train; the version is the commit of its code",
        softwareVersion=record["commit"],
        softwareRequirements=required,
        input=[],
    )
    settings = []
    for name, value in [("protocol", record["protocol"]), *_flat(record["settings"])]:
        parameter = graph.add(f"#setting-{quote(name)}", "FormalParameter", name, additionalType=[])
        types, inputs = graph[parameter["@id"]]["additionalType"], graph[tool["@id"]]["input"]
        types += {TYPES[type(value)]} - set(types)
        inputs += [parameter] if parameter not in inputs else []
        identifier = f"{parameter['@id']}={quote(str(value))}"
        settings.append(graph.add(identifier, "PropertyValue", name, value=value, exampleOfWork=parameter))
    return graph.add(
        f"#train-{quote(folder.name)}",
        "CreateAction",
        f"Training {folder.name}",
        description="Its settings, as name and value, are among its objects",
        instrument=tool,
        object=[data, *settings],
        result=[parts[f"{folder}/{name}"] for name in ("model.pt", "history.csv", "provenance.json")],
        resourceUsage=[
            graph.add(f"#{name}={quote(str(used))}", "PropertyValue", name, value=used, propertyID=name)
            for name, used in ((name, record[name]) for name in USED)
        ],
    )


def _flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, bool | int | float | str]]:
    """Settings with the keys of mappings joined by dots; lists as JSON; without those that are None."""
    for key, value in settings.items():
        match value:
            case None:
                pass
            case dict():
                yield from _flat(value, f"{prefix}{key}.")
            case list():
                yield f"{prefix}{key}", json.dumps(value)
            case _:
                yield f"{prefix}{key}", _public(value)


def _public(value: Any) -> Any:
    """A value; of an absolute path the last part."""
    return Path(value).name if isinstance(value, str) and Path(value).is_absolute() else value


def _unique(references: Iterable[Entity]) -> list[Entity]:
    """References, each once, in the order in which they come."""
    return [{"@id": identifier} for identifier in dict.fromkeys(entity["@id"] for entity in references)]
