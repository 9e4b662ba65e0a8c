"""Demand forecasting: how much of each item will be asked for, and how much of it should be there?"""

from demand_forecasting.sample_data import DRIVERS, IRRELEVANT, generate
from solutionkit.use_case import SERIES, Forecast, UseCase

USE_CASE = UseCase(
    name="demand_forecasting",
    title="Demand forecasting",
    question="How much of each item will be asked for in the next two weeks, and how much should be there?",
    row="forecast",
    primary_metric="wape",
    sample=generate,
    sample_rows=43_800,
    drivers=DRIVERS,
    irrelevant=IRRELEVANT,
    modality=SERIES,
    task=Forecast,
)
