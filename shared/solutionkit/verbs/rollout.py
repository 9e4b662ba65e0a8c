"""`solutionkit rollout`: which version users get, by labels."""

from __future__ import annotations

import argparse

from solutionkit.errors import UserError
from solutionkit.runner.serving import config_file
from solutionkit.use_case import load_project
from solutionkit.verbs.log import stderr_to


def main(options: argparse.Namespace) -> int:
    """Change or show the rollout; returns the exit code."""
    project = load_project(options.project)
    with stderr_to(project.state / "logs" / "rollout.log"):
        from solutionserve.errors import ServingError
        from solutionserve.rollout import Rollout

        versions = project.models / project.name
        server = None if options.no_wait else options.server
        try:
            rollout = Rollout(config_file(project), project.name, versions, server)
            if options.step == "canary":
                rollout.canary(options.version)
            elif options.step == "promote":
                rollout.promote()
            elif options.step == "rollback":
                rollout.rollback(options.version)
        except ServingError as error:
            raise UserError(error.message) from None
        roles, states = rollout.roles, rollout.states()
    labels: dict[int, list[str]] = {}
    for label, version in roles.labels.items():
        labels.setdefault(version, []).append(label)
    pushed = rollout.pushed
    if not pushed:
        raise UserError(
            f"{versions}: nothing was pushed yet; run the pipeline, or see in its report why nothing ships."
        )
    print(f"{'version':<14}{'role':<20}{server or 'server'}")
    for version in reversed(pushed):
        state = states.get(
            version,
            "not loaded" if states else "not known: no server asked" if server is None else "no server there",
        )
        print(f"{version:<14}{', '.join(labels.get(version, ['-'])):<20}{state}")
    if rollout.pending:
        print("half done: the version must be loaded before its label moves; once it is, say the same again")
    elif not labels:
        print("every newly pushed version goes live at once; `rollout canary` changes that")
    elif roles.canary is not None:
        print("requests without a label get the newest loaded version: ask for the label stable, or canary")
    return 0
