"""Sample subscribers of a telecom provider, with known reasons to leave.

The chance to churn is a logistic function of a few columns, some of them non-linear and two in
interaction, plus noise that no column explains. `DRIVERS` are the columns with the largest
influence, `IRRELEVANT` those with none; late payments, payment method and service have a little.
Explanations are tested against both.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

# Strongest first, by the mean absolute effect on the log odds in a large sample.
DRIVERS = ("contract", "tenure_months", "support_calls", "usage_change", "monthly_charge")
IRRELEVANT = ("region", "signup_weekday", "device_age_months", "newsletter")

CONTRACTS = ("month_to_month", "one_year", "two_years")
REGIONS = ("north", "east", "south", "west", "centre")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
PAYMENTS = ("card", "transfer", "invoice")
SERVICES = ("dsl", "fibre", "mobile")


def generate(rows: int, seed: int) -> pa.Table:
    """Draw subscribers.

    Args:
        rows: How many.
        seed: The same seed gives the same table.

    Returns:
        One row a customer; `churned` is "yes" for about a quarter of them.
    """
    random = np.random.default_rng(seed)
    contract = random.choice(3, rows, p=[0.55, 0.25, 0.20])
    tenure = np.clip(random.gamma(1.6, 18.0, rows), 1, 84).round()
    service = random.choice(3, rows, p=[0.35, 0.45, 0.20])
    monthly_charge = np.round(18 + 22 * (service == 1) + 9 * (service == 0) + random.gamma(4.0, 5.0, rows), 2)
    support_calls = random.poisson(1.3, rows).astype(float)
    usage_change = np.round(random.normal(0.0, 18.0, rows), 1)
    late_payments = random.binomial(6, 0.12, rows).astype(float)
    payment = random.choice(3, rows, p=[0.5, 0.3, 0.2])

    effects = {
        "contract": np.array([1.35, -0.5, -2.0])[contract],
        "tenure_months": -1.0 * (np.log1p(tenure) - 3.0),
        # Two calls are a question, four are a quarrel.
        "support_calls": 2.8 / (1.0 + np.exp(-2.0 * (support_calls - 2.5))),
        # Only a decline matters.
        "usage_change": 0.058 * np.clip(-usage_change, 0.0, 40.0),
        "monthly_charge": 0.024 * (monthly_charge - 50.0),
        "late_payments": 0.25 * late_payments,
        "payment_method": np.array([0.0, -0.1, 0.2])[payment],
        "service": np.array([0.25, 0.0, -0.25])[service],
        # A dear tariff drives out those who are free to go.
        "contract x monthly_charge": 0.012 * (contract == 0) * (monthly_charge - 50.0),
    }
    logit = -3.15 + sum(effects.values()) + random.normal(0.0, 0.4, rows)
    churned = random.random(rows) < 1.0 / (1.0 + np.exp(-logit))

    # Usage of the previous quarter is unknown for new customers and for some meters.
    usage = np.where((tenure < 3) | (random.random(rows) < 0.02), np.nan, usage_change)
    return pa.table(
        {
            "customer_id": [f"C{number:07d}" for number in range(rows)],
            "contract": np.array(CONTRACTS)[contract],
            "tenure_months": tenure,
            "monthly_charge": monthly_charge,
            "support_calls": support_calls,
            "usage_change": pa.array(usage, from_pandas=True),
            "late_payments": late_payments,
            "payment_method": np.array(PAYMENTS)[payment],
            "service": np.array(SERVICES)[service],
            "region": random.choice(REGIONS, rows),
            "signup_weekday": random.choice(WEEKDAYS, rows),
            "device_age_months": random.integers(0, 60, rows).astype(float),
            "newsletter": random.choice(("yes", "no"), rows),
            "churned": np.where(churned, "yes", "no"),
        }
    )
