"""RO-Crates validated without a network, by roc-validator's profiles."""

import json
import warnings
from pathlib import Path
from unittest.mock import patch

import requests
import rocrate
from requests.adapters import HTTPAdapter
from rocrate_validator import services
from rocrate_validator.models import Severity, ValidationSettings

BIOSCHEMAS = "https://bioschemas.org/"
RUN_TERMS = "https://w3id.org/ro/terms/workflow-run"
# ro-crate-py ships RO-Crate's context, of version 1.3; 1.1 differs in these terms among those of a workflow's run.
TERMS = json.loads((Path(rocrate.__file__).parent / "data/ro-crate.jsonld").read_text())["@context"]
TERMS |= {name: f"{BIOSCHEMAS}{name}" for name in ("ComputationalWorkflow", "FormalParameter")}
TERMS |= {name: f"{BIOSCHEMAS}ComputationalWorkflow#{name}" for name in ("input", "output")}
CONTEXTS = {
    "https://w3id.org/ro/crate/1.1/context": TERMS,
    f"{RUN_TERMS}/context": {name: f"{RUN_TERMS}#{name}" for name in ("sha256", "resourceUsage")},
}

# What the profiles of RO-Crate recommend and no record of a study has.
NOT_RECORDED = {
    "The Action SHOULD have an endTime in ISO 8601 format",
    "The Action SHOULD have an agent that is a Person or Organization",
    "The Application SHOULD have a url",
    "The Main Workflow SHOULD comply with Bioschemas ComputationalWorkflow profile version 1.0 or later",
    "The README.md SHOULD be about the crate",
    "The README.md SHOULD have text/markdown as its encodingFormat",
    "The SoftwareApplication id SHOULD be an absolute URI",
    "The `publisher` property of a `Root Data Entity` SHOULD be an `Organization`",
    "The organization SHOULD have a URL.",
}


def answer(_adapter, request, **_how):
    """Contexts from here; any other address is a KeyError."""
    response = requests.Response()
    response.status_code, response.url, response.request = 200, request.url, request
    response.headers["Content-Type"] = "application/ld+json"
    response._content = json.dumps({"@context": CONTEXTS[request.url]}).encode()
    return response


def unmet(folder):
    """What Workflow Run Crate, and the profiles that it builds on, require or recommend and a crate does not meet."""
    settings = ValidationSettings(
        rocrate_uri=str(folder),
        profile_identifier="workflow-run-crate",
        requirement_severity=Severity.RECOMMENDED,
        no_cache=True,
    )
    with patch.object(HTTPAdapter, "send", answer), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # rdflib's own
        return {issue.message for issue in services.validate(settings).get_issues()}
