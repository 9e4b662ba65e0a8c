"""Defect inspection: which parts must not leave the line, what is wrong with them, and where?"""

from defect_inspection.sample_data import generate
from solutionkit.use_case import IMAGES, UseCase

USE_CASE = UseCase(
    name="defect_inspection",
    title="Defect inspection",
    question="Which parts must be rejected, for which defect, and where is it?",
    row="image",
    primary_metric="roc_auc",
    sample=generate,
    sample_rows=1_200,
    modality=IMAGES,
)
