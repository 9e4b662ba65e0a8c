"""Fraud detection: which card transactions are fraud, and which cards should be looked into today?"""

from fraud_detection.history import features
from fraud_detection.sample_data import DRIVERS, IRRELEVANT, generate
from solutionkit.use_case import Events, UseCase

USE_CASE = UseCase(
    name="fraud_detection",
    title="Fraud detection",
    question="Which cards should be looked into today, before more is lost?",
    row="transaction",
    primary_metric="average_precision",
    sample=generate,
    sample_rows=60_000,
    drivers=DRIVERS,
    irrelevant=IRRELEVANT,
    modality=Events(features=features),
)
