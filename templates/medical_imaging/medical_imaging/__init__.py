"""Medical imaging: which scans should a clinician see first, and which does the model not know about?"""

from medical_imaging.sample_data import generate
from solutionkit.use_case import SCANS, Diagnosis, UseCase

USE_CASE = UseCase(
    name="medical_imaging",
    title="Medical imaging",
    question="Which scans should a clinician see first, and of which does the model not know?",
    row="scan",
    primary_metric="roc_auc",
    sample=generate,
    sample_rows=1_200,
    modality=SCANS,
    task=Diagnosis,
)
