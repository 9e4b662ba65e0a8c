"""Support tickets: which queue does a ticket belong to, and when should a person look?"""

from solutionkit.use_case import TEXTS, Routing, UseCase
from support_tickets.sample_data import DRIVERS, generate

USE_CASE = UseCase(
    name="support_tickets",
    title="Support tickets",
    question="Which queue does a ticket belong to, and when should a person decide that?",
    row="ticket",
    primary_metric="accuracy",
    sample=generate,
    sample_rows=6_000,
    drivers=DRIVERS,
    modality=TEXTS,
    task=Routing,
)
