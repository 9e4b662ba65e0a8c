"""SHAP values of both models on the original columns."""
