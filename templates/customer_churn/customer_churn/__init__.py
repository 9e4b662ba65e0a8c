"""Customer churn: which subscribers are about to leave, and whom is it worth to call?"""

from customer_churn.sample_data import DRIVERS, IRRELEVANT, generate
from solutionkit.use_case import UseCase

USE_CASE = UseCase(
    name="customer_churn",
    title="Customer churn",
    question="Which customers should get a retention offer before they leave?",
    row="customer",
    primary_metric="roc_auc",
    sample=generate,
    drivers=DRIVERS,
    irrelevant=IRRELEVANT,
)
